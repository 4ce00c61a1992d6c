//! Fetching all pages of a list: the first one, then the others concurrently and in order.

use std::collections::HashSet;
use std::future::{Future, ready};

use futures_util::stream::{self, Stream, StreamExt as _};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::client::{Client, Event, parse_json};
use super::error::Error;
use super::request::Request;
use crate::model::{Page, Resource};

/// The largest page size of the API (observed for devices, documented for enrollments).
const PAGE_SIZE: usize = 100;

const PAGES_IN_FLIGHT: usize = 10;

#[derive(Clone)]
pub(crate) struct PagedRequest<'a> {
    client: &'a Client,
    list: Request,
    page_size: usize,
}

impl<'a> PagedRequest<'a> {
    pub(super) fn new(client: &'a Client, list: Request) -> Self {
        Self { client, list, page_size: PAGE_SIZE }
    }

    /// Limits the page size, when fewer elements than a page are needed.
    pub(crate) fn at_most(mut self, limit: Option<usize>) -> Self {
        self.page_size = limit.unwrap_or(PAGE_SIZE).clamp(1, PAGE_SIZE);
        self
    }

    async fn fetch_page<T: DeserializeOwned>(self, number: usize) -> Result<Page<T>, Error> {
        let request =
            self.list.query("page_number", number.to_string()).query("page_size", self.page_size.to_string());
        let response = self.client.send(&request).await?;
        parse_json(&request, &response, Page::from_json)
    }

    /// The pages of the list, in which each element occurs once: elements move between pages while a list changes.
    pub(crate) fn pages<T: DeserializeOwned + 'a>(self) -> impl Stream<Item = Result<Page<T>, Error>> + 'a {
        let (client, list) = (self.client, self.list.clone());
        let mut seen = Seen::default();
        fetch_pages(self.page_size, move |number| self.clone().fetch_page(number)).scan(
            (),
            move |(), mut page| {
                let is_repeated = page.as_mut().is_ok_and(|page| !seen.keep_new(page));
                if is_repeated {
                    client.notify(&Event::RepeatedPage { request: &list });
                }
                ready((!is_repeated).then_some(page))
            },
        )
    }
}

/// The IDs of the elements of a list so far.
#[derive(Default)]
struct Seen {
    ids: HashSet<Id>,
    last_page: Vec<Id>,
    was_last_page_old: bool,
}

impl Seen {
    /// Removes the elements that occurred before. Returns false if the list repeats itself: the page is the one before it
    /// once more, or the second one without a new element.
    fn keep_new<T>(&mut self, page: &mut Page<T>) -> bool {
        let ids: Vec<_> = page.content.iter().filter_map(id_of).collect();
        let is_same = !ids.is_empty() && ids == self.last_page;
        let is_old = !ids.is_empty() && ids.iter().all(|id| self.ids.contains(id));
        let is_repeated = is_same || (is_old && self.was_last_page_old);
        self.last_page = ids;
        self.was_last_page_old = is_old;
        page.content.retain(|item| id_of(item).is_none_or(|id| self.ids.insert(id)));
        !is_repeated
    }
}

/// An ID, nearly always a UUID. A list of 200,000 devices is remembered in a third of the memory of its texts.
#[derive(PartialEq, Eq, Hash)]
enum Id {
    Uuid(Uuid),
    Text(String),
}

fn id_of<T>(item: &Resource<T>) -> Option<Id> {
    let text = ["id", "enrollment_id"].iter().find_map(|field| item.raw().get(*field)?.as_str())?;
    Some(text.parse().map_or_else(|_| Id::Text(text.to_owned()), Id::Uuid))
}

/// Fetches the first page alone. If it has the number of pages, the others are fetched concurrently, otherwise one
/// after another up to the last one. The stream ends at an error, and at an empty page even if more were announced.
fn fetch_pages<T, F, Fut>(page_size: usize, fetch: F) -> impl Stream<Item = Result<Page<T>, Error>>
where
    F: Fn(usize) -> Fut + Clone,
    Fut: Future<Output = Result<Page<T>, Error>>,
{
    let is_last = move |page: &Result<Page<T>, Error>| match page {
        Ok(page) => page.content.is_empty() || page.last.unwrap_or(page.content.len() < page_size),
        Err(_) => true,
    };
    stream::once(fetch(0))
        .flat_map(move |first| {
            let fetch = fetch.clone();
            let total = match &first {
                Ok(page) if page.last != Some(true) && !page.content.is_empty() => page.total_pages,
                _ => None,
            };
            let rest = if let Some(Ok(total)) = total.map(usize::try_from) {
                stream::iter(1..total).map(fetch).buffered(PAGES_IN_FLIGHT).left_stream()
            } else {
                let next = if is_last(&first) { None } else { Some(1) };
                stream::unfold(next, move |next| {
                    let fetch = fetch.clone();
                    async move {
                        let number: usize = next?;
                        let page = fetch(number).await;
                        let next = if is_last(&page) { None } else { Some(number + 1) };
                        Some((page, next))
                    }
                })
                .right_stream()
            };
            stream::once(ready(first)).chain(rest)
        })
        .scan(false, |ended, page| {
            let page = (!*ended).then_some(page);
            *ended = !matches!(&page, Some(Ok(page)) if !page.content.is_empty());
            ready(page)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Location;
    use serde_json::{Value, json};
    use std::cell::RefCell;

    type Envelope = fn(usize, usize) -> Value;

    fn collect<T>(stream: impl Stream<Item = T>) -> Vec<T> {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(stream.collect())
    }

    /// Fetches a list of `total` elements with pages of 4 in these envelopes. Returns the IDs and the requested pages.
    fn fetch_all(total: usize, envelope: Envelope) -> (Vec<String>, Vec<usize>) {
        let requested = RefCell::<Vec<usize>>::default();
        let pages = collect(fetch_pages::<Location, _, _>(4, |number| {
            requested.borrow_mut().push(number);
            let content: Vec<_> = (number * 4..((number + 1) * 4).min(total))
                .map(|index| json!({"id": index.to_string()}))
                .collect();
            let mut page = envelope(number, total.div_ceil(4));
            page["content"] = json!(content);
            ready(Ok(Page::from_json(page).unwrap()))
        }));
        let items = pages.into_iter().flat_map(|page| page.unwrap().content);
        (items.filter_map(|item| item.id.clone()).collect(), requested.take())
    }

    #[test]
    fn every_element_comes_once_and_in_order_with_any_envelope() {
        let envelopes: [Envelope; 4] = [
            |number, pages| json!({"total_pages": pages, "last": number + 1 == pages}),
            |_, pages| json!({"total_pages": pages}),
            |number, pages| json!({"last": number + 1 >= pages}),
            |_, _| json!({}),
        ];
        for envelope in envelopes {
            for total in [0, 1, 3, 4, 5, 20, 41] {
                let (ids, requested) = fetch_all(total, envelope);
                assert_eq!(ids, (0..total).map(|index| index.to_string()).collect::<Vec<_>>());
                assert!(requested.len() <= total / 4 + 1, "{total} elements took {requested:?}");
            }
        }
        let (ids, requested) = fetch_all(6, |_, _| json!({"total_pages": i64::MAX, "last": false}));
        assert_eq!(ids.len(), 6);
        assert!(requested.len() <= 3 + PAGES_IN_FLIGHT, "{requested:?}");
    }
}
