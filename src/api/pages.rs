//! Paginated lists: the first page, then the others concurrently, in order.

use std::future::Future;

use futures_util::stream::{self, Stream, StreamExt as _};
use serde::de::DeserializeOwned;

use super::client::{Client, read};
use super::error::Error;
use super::request::Request;
use crate::model::Page;

/// The largest page size of the API (observed for devices, documented for enrollments).
pub(crate) const PAGE_SIZE: usize = 100;

const PAGES_IN_FLIGHT: usize = 10;

pub(crate) struct PagedRequest<'a> {
    client: &'a Client,
    list: Request,
    page_size: usize,
}

impl<'a> PagedRequest<'a> {
    pub(super) fn new(client: &'a Client, list: Request) -> Self {
        Self { client, list, page_size: PAGE_SIZE }
    }

    /// Requests smaller pages if the caller needs fewer than `limit` elements.
    pub(crate) fn at_most(mut self, limit: Option<usize>) -> Self {
        self.page_size = limit.unwrap_or(PAGE_SIZE).clamp(1, PAGE_SIZE);
        self
    }

    async fn page<T: DeserializeOwned>(&self, number: usize) -> Result<Page<T>, Error> {
        let request = self
            .list
            .clone()
            .query("page_number", number.to_string())
            .query("page_size", self.page_size.to_string());
        let answer = self.client.send(&request).await?;
        read(&request, &answer, |value| Page::from_json(value).map_err(|error| error.to_string()))
    }

    /// The pages in order. If the first page has the number of pages, the others are requested concurrently, otherwise
    /// one after another until one is the last or empty.
    pub(crate) fn pages<T: DeserializeOwned + 'a>(self) -> impl Stream<Item = Result<Page<T>, Error>> + 'a {
        pages(self.page_size, move |number| {
            let fetch = Self { client: self.client, list: self.list.clone(), page_size: self.page_size };
            async move { fetch.page(number).await }
        })
    }
}

enum PageCursor {
    First,
    /// Request this page, then decide.
    Next(usize),
    /// Request all pages from the second on concurrently; there are this many in total.
    Rest(usize),
    Done,
}

impl PageCursor {
    fn after<T>(number: usize, page: &Page<T>, page_size: usize) -> Self {
        if page.content.is_empty() || page.last == Some(true) {
            return Self::Done;
        }
        match page.total_pages.map(usize::try_from) {
            Some(Ok(total)) if number + 1 >= total => Self::Done,
            Some(Ok(total)) if number == 0 => Self::Rest(total),
            // Without a count, a page that is not full is the last one.
            _ if page.content.len() < page_size && page.last.is_none() => Self::Done,
            _ => Self::Next(number + 1),
        }
    }
}

/// Requests pages by number with `fetch`, as in [`PagedRequest::pages`]. The stream ends at an error, and at an empty page
/// even if the count promised more.
pub(crate) fn pages<T, F, Fut>(page_size: usize, fetch: F) -> impl Stream<Item = Result<Page<T>, Error>>
where
    F: Fn(usize) -> Fut + Clone,
    Fut: Future<Output = Result<Page<T>, Error>>,
{
    let first = {
        let fetch = fetch.clone();
        stream::unfold(PageCursor::First, move |walk| {
            let fetch = fetch.clone();
            async move {
                let number = match walk {
                    PageCursor::First => 0,
                    PageCursor::Next(number) => number,
                    PageCursor::Rest(_) | PageCursor::Done => return None,
                };
                let page = fetch(number).await;
                let next = match &page {
                    Ok(page) => PageCursor::after(number, page, page_size),
                    Err(_) => PageCursor::Done,
                };
                let rest = if let PageCursor::Rest(total) = next { Some(total) } else { None };
                Some(((page, rest), next))
            }
        })
    };
    first
        .flat_map(move |(page, rest)| {
            let fetch = fetch.clone();
            let others = stream::iter(1..rest.unwrap_or(0)).map(fetch).buffered(PAGES_IN_FLIGHT);
            stream::once(async move { page }).chain(others)
        })
        .scan(false, |ended, page| {
            let over = *ended;
            *ended = page.as_ref().map_or(true, |page| page.content.is_empty());
            std::future::ready((!over).then_some(page))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{FailureCause, SideEffect};
    use crate::model::Location;
    use serde_json::json;
    use std::cell::RefCell;
    use std::rc::Rc;

    type Asked = Rc<RefCell<Vec<usize>>>;

    /// Walks a list of `total` elements as a server would give it, with what `envelope` adds to each page.
    fn walk(
        total: usize,
        size: usize,
        envelope: fn(usize, usize) -> serde_json::Value,
    ) -> (Vec<String>, Vec<usize>) {
        let asked = Asked::default();
        let log = Rc::clone(&asked);
        let stream = pages::<Location, _, _>(size, move |number| {
            log.borrow_mut().push(number);
            let content: Vec<_> = (number * size..((number + 1) * size).min(total))
                .map(|index| json!({"id": index.to_string()}))
                .collect();
            let mut page = envelope(number, total.div_ceil(size));
            page["content"] = json!(content);
            async move { Ok(Page::from_json(page).unwrap()) }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let ids = runtime.block_on(async {
            let pages: Vec<_> = stream.collect().await;
            pages
                .into_iter()
                .flat_map(|page| page.unwrap().content)
                .filter_map(|item| item.id.clone())
                .collect()
        });
        (ids, asked.take())
    }

    #[test]
    fn every_element_comes_once_and_in_order_whatever_the_envelope_tells() {
        let envelopes: [fn(usize, usize) -> serde_json::Value; 4] = [
            |number, pages| json!({"total_pages": pages, "last": number + 1 == pages}),
            |_, pages| json!({"total_pages": pages}),
            |number, pages| json!({"last": number + 1 >= pages}),
            |_, _| json!({}),
        ];
        for envelope in envelopes {
            for total in [0, 1, 3, 4, 5, 20, 41] {
                let (ids, asked) = walk(total, 4, envelope);
                let expected: Vec<_> = (0..total).map(|index| index.to_string()).collect();
                assert_eq!(ids, expected);
                assert!(asked.len() <= total / 4 + 1, "{total} elements took {asked:?}");
            }
        }
    }

    #[test]
    fn a_server_that_announces_too_much_is_not_followed_for_ever() {
        let (ids, asked) = walk(6, 4, |_, _| json!({"total_pages": i64::MAX, "last": false}));
        assert_eq!(ids.len(), 6);
        assert!(asked.len() <= 3 + PAGES_IN_FLIGHT, "{asked:?}");
    }

    #[test]
    fn an_error_ends_the_walk() {
        let stream = pages::<Location, _, _>(4, |number| async move {
            if number == 0 {
                return Ok(Page::from_json(json!({"content": [{}, {}, {}, {}], "total_pages": 3})).unwrap());
            }
            let why = FailureCause::Lost("gone".into());
            Err(Error {
                request: String::new(),
                why,
                carried_out: SideEffect::None,
                attempts: 1,
                retry_after: None,
            })
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let pages = runtime.block_on(stream.collect::<Vec<_>>());
        assert_eq!(pages.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
    }
}
