//! Devices, locations and enrollments as they are offered: by what names them for certain.

use std::collections::HashMap;

use super::Candidate;
use super::resources::{CachedResources, ResourceSummary};
use crate::text::{escape_control, is_unsafe};

/// How much of an id stands beside a name.
const SHOWN_OF_ID: usize = 8;

/// Devices whose name or id begins with what was typed.
pub(super) fn devices(known: &CachedResources, typed: &str) -> Vec<Candidate> {
    offer(&known.devices, typed, known)
}

/// Locations whose name or id begins with what was typed.
pub(super) fn locations(known: &CachedResources, typed: &str) -> Vec<Candidate> {
    offer(&known.locations, typed, known)
}

/// Enrollments, which have no name and never show their code.
pub(super) fn enrollments(known: &CachedResources, typed: &str) -> Vec<Candidate> {
    offer(&known.enrollments, typed, known)
}

/// Things by name where that names one of them, and otherwise by id; and by id also where the beginning of one is
/// typed.
fn offer(things: &[ResourceSummary], typed: &str, known: &CachedResources) -> Vec<Candidate> {
    let mut bearers: HashMap<String, usize> = HashMap::new();
    for name in things.iter().filter_map(|thing| thing.name.as_deref()) {
        *bearers.entry(name.to_lowercase()).or_default() += 1;
    }
    let names_one = |name: &&str| is_word(name) && bearers.get(&name.to_lowercase()) == Some(&1);
    let lower = typed.to_ascii_lowercase();
    let is_begun = |id: &str| !typed.is_empty() && id.to_ascii_lowercase().starts_with(&lower);
    let mut all = Vec::new();
    for thing in things {
        match thing.name.as_deref().filter(names_one) {
            Some(name) => {
                all.push(Candidate { value: name.to_owned(), about: about(thing, false, known) });
                if is_begun(&thing.id) {
                    all.push(Candidate { value: thing.id.clone(), about: about(thing, true, known) });
                }
            }
            None => all.push(Candidate { value: thing.id.clone(), about: about(thing, true, known) }),
        }
    }
    all.sort_by_cached_key(|candidate| candidate.value.to_lowercase());
    all
}

/// Whether a name can be typed as it is, once it is quoted.
fn is_word(name: &str) -> bool {
    !name.trim().is_empty() && !name.starts_with('-') && !name.chars().any(is_unsafe)
}

/// What tells a thing from others, beside its name or its id.
fn about(thing: &ResourceSummary, with_name: bool, known: &CachedResources) -> String {
    let location = thing.location_id.as_deref().map(|id| {
        let location = known.locations.iter().find(|location| location.id == id);
        location.and_then(|location| location.name.as_deref()).unwrap_or(id.get(..SHOWN_OF_ID).unwrap_or(id))
    });
    let name = thing.name.as_deref().filter(|_| with_name);
    let parts = [name, location, thing.kind.as_deref()];
    let parts: Vec<_> = parts.into_iter().flatten().filter(|part| !part.trim().is_empty()).collect();
    escape_control(&parts.join(", ")).into_owned()
}
