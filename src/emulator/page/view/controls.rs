//! The clock, the faults and the options.

use maud::{Markup, html};
use serde_json::Value;

use super::{Content, text};
use crate::emulator::state::{EmulatorOptions, OptionInfo};
use crate::page::{Frame, safe};

pub(super) fn panel(frame: &Frame, content: &Content<'_>) -> Markup {
    let ahead =
        text(content.clock, "ahead").parse::<jiff::SignedDuration>().ok().filter(|ahead| !ahead.is_zero());
    html! {
        section.panel #controls aria-labelledby="controls-title" {
            header { h2 #controls-title { "Controls" } }
            div.control {
                h3 { "Clock" }
                @if let Some(ahead) = ahead { p.muted { "Ahead of this machine by " (format!("{ahead:#}")) } }
                @else { p.muted { "The time of this machine" } }
                (frame.form("row", "advance", &[], &html! {
                    label { "Advance by" input #advance-by name="by" value="20m" required; }
                    button #advance { "Advance" }
                }))
            }
            div.control {
                h3 { "Faults" }
                @if content.faults.is_empty() { p.muted { "No faults are injected." } }
                ul.rules {
                    @for fault in &content.faults {
                        li { code { (safe(&fault.fault)) } " "
                            span.muted { (fault.hit) " used" @if let Some(left) = fault.left { ", " (left) " left" } } }
                    }
                }
                (frame.form("row", "add-fault", &[], &html! {
                    label { "Fault"
                        input #fault name="fault" required placeholder="POST /ipp/v1/sessions: 503 x2" data-clear;
                    }
                    button #add-fault { "Add" }
                }))
                @if !content.faults.is_empty() {
                    (frame.form("row", "clear-faults", &[], &html! { button.quiet #clear-faults { "Remove all faults" } }))
                }
            }
            @if !content.rules.is_empty() {
                div.control {
                    h3 { "The phones play by these rules" }
                    ul.rules { @for rule in &content.rules { li { code { (safe(rule)) } } } }
                }
            }
            div.control {
                details #options {
                    summary { "Options" }
                    @if content.is_strict { p.notice { "The emulator is strict: it rejects what it does not know." } }
                    div.fields { @for option in OptionInfo::list() { (option_form(frame, &option, content.options)) } }
                }
            }
            div.control {
                details #reset-confirm {
                    summary { "Start over" }
                    p.muted { "Removes all devices, codes and sessions, and the lists above." }
                    (frame.form("row", "reset", &[], &html! { button.danger #reset { "Reset the emulator" } }))
                }
            }
        }
    }
}

fn option_form(frame: &Frame, option: &OptionInfo, options: &Value) -> Markup {
    let current = match &options[&option.name] {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let default = EmulatorOptions::default().get(&option.name).unwrap_or_default();
    let id = format!("option-{}", option.name);
    frame.form("", "set-option", &[("name", &option.name)], &html! {
        label for=(id) title=(option.help) { (option.name) @if current != default { " (changed)" } }
        div.row {
            @if option.values.is_empty() {
                input id=(id) name="value" value=(current) required;
            } @else {
                select id=(id) name="value" {
                    @for (value, _) in &option.values { option value=(value) selected[*value == current] { (value) } }
                }
            }
            button.quiet aria-label={ "Set " (option.name) } { "Set" }
        }
    })
}
