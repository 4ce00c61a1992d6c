//! `kustom dev pos` where there is no phone to play: it is never a real one.

use crate::common::prelude::*;
use crate::pos::pos;

const LIVE: &str = "kco_live_api_0123456789abcdef";
const TEST: &str = "kco_test_api_0123456789abcdef";

#[test]
fn arguments_that_make_no_sense_are_refused_before_anything_is_sent() {
    let server = Server::unwanted();
    let env = server.env();
    for (args, names) in [
        (&["pair"][..], "<CODE>"),
        (&["pair", ""], "<CODE>"),
        (&["pair", "X", "--name", ""], "--name <NAME>"),
        (&["choose", &fixed_id(1)], "--method <METHOD>"),
        (&["choose", &fixed_id(1), "--method", "cash"], "[possible values: card, klarna, swish, vipps]"),
        (&["pay"], "no session is given"),
        (
            &["decline", &fixed_id(1), "--outcome", "success"],
            "[possible values: declined-generic, insufficient-funds",
        ),
    ] {
        pos(&env, args).assert_failure_with(2, names);
    }
    server.assert_untouched();
}

const EVERY_VERB: [&[&str]; 5] = [
    &["pair", "ENROLL77"],
    &["choose", "00000000-0000-4000-8000-000000000001", "--method", "card"],
    &["pay", "00000000-0000-4000-8000-000000000001"],
    &["decline", "00000000-0000-4000-8000-000000000001"],
    &["cancel", "00000000-0000-4000-8000-000000000001"],
];

const INSTEAD: &str =
    "  hint: use the Kustom POS app on a phone, or add --profile local to use the emulator\n";

#[test]
fn a_real_phone_is_played_by_nobody() {
    let server = Server::unwanted();
    let refused = |env: &TestEnv, expected: &str| {
        for args in EVERY_VERB {
            // With -v a request that was sent would show.
            assert_eq!(&pos(env, &[args, &["-v", "--yes"]].concat()).assert_failure(2), expected);
        }
    };
    let why = |why: &str| {
        format!("error: `kustom dev pos` simulates the phone on an emulator, and {why}\n{INSTEAD}")
    };
    refused(&TestEnv::new().at(&server.url(), LIVE), &why("this is production"));
    refused(&TestEnv::new().env("KUSTOM_API_KEY", LIVE), &why("this is production"));
    refused(&TestEnv::new().at("https://proxy.invalid", "shared-secret"), &why("this is production"));
    let tap = "  hint: to simulate a card payment on playground, use `kustom dev simulate-tap`\n";
    let playground = |url: &str| format!("{}{tap}", why(&format!("{url} is not on this machine")));
    refused(&TestEnv::new().env("KUSTOM_API_KEY", TEST), &playground("https://api.playground.kustom.co"));
    refused(&TestEnv::new().at("https://proxy.invalid/x", TEST), &playground("https://proxy.invalid/x"));
    server.assert_untouched();
}

#[test]
fn what_is_no_emulator_is_said_to_be_none() {
    for about in [Reply::problem(404, "nothing here"), Reply::new(200, "text/html", "<html>")] {
        let server = Server::new(move |asked| match asked.line().as_str() {
            "GET /" => about.clone(),
            _ => Reply::problem(404, "no such route"),
        });
        let env = server.env();
        for args in EVERY_VERB {
            assert_eq!(
                &pos(&env, args).assert_failure(4),
                &format!(
                    "error: http://127.0.0.1:<port> is not a kustom emulator: no such route (HTTP 404)\n{INSTEAD}"
                )
            );
        }
        assert_eq!(server.lines()[..2], ["POST /emulator/pos/pair", "GET /"]);
    }
}

/// Nothing that was done on a phone is done a second time because an answer was lost.
#[test]
fn an_answer_that_is_lost_is_exit_7_and_nothing_is_sent_again() {
    for reply in [Reply::cut(), Reply::problem(503, "not now")] {
        let server = Server::always(reply);
        let env = server.env();
        for args in EVERY_VERB {
            pos(&env, args).assert_failure_with(7, "hint: the request may have been processed");
        }
        assert_eq!(server.asked().len(), EVERY_VERB.len());
    }
}

#[test]
fn an_answer_without_a_method_is_shown() {
    let server = Server::always(Reply::json(200, &json!({"session_id": fixed_id(1), "status": "FINALIZED"})));
    let env = server.env();
    let said = |args: &[&str]| pos(&env, args).assert_code(0).err();
    insta::assert_snapshot!(&said(&["pay", &fixed_id(1)]), @"Paid.\n");
    insta::assert_snapshot!(&said(&["pay", &fixed_id(1), "--method", "card"]), @"The customer used a card. Paid.\n");
    insta::assert_snapshot!(&said(&["choose", &fixed_id(1), "--method", "klarna"]), @"The clerk chose Klarna. Paid.\n");
    insta::assert_snapshot!(&said(&["decline", &fixed_id(1), "--outcome", "stolen-card"]), @"The payment was declined: the card was reported stolen. Paid.\n");
}
