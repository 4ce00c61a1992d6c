//! Pages of a list.

use serde::Serialize;

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    pub number: u32,
    /// Elements a page, at least one.
    pub size: u32,
}

impl Default for PageRequest {
    /// What the contract gives to whom does not ask: the first twenty.
    fn default() -> Self {
        Self { number: 0, size: 20 }
    }
}

/// One page, in the API's envelope (documented for some lists, observed for others).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListPage<T> {
    /// The elements of this page.
    pub content: Vec<T>,
    /// How many elements the whole list has.
    pub total_elements: usize,
    /// How many pages it has; an empty list has none.
    pub total_pages: usize,
    /// From zero, as asked for.
    pub page_number: u32,
    /// As asked for.
    pub page_size: u32,
    /// Whether no page comes before it.
    pub first: bool,
    /// Whether no page comes after it.
    pub last: bool,
}

impl<T> ListPage<T> {
    /// Cuts a page out of a list, and makes elements only of what is in it. A page beyond the end is empty.
    pub(super) fn slice<R>(list: impl Iterator<Item = R>, view: impl Fn(R) -> T, page: PageRequest) -> Self {
        // Where a usize is narrower than the request, the saturated value is still beyond any list.
        let size = usize::try_from(page.size.max(1)).unwrap_or(usize::MAX);
        let number = usize::try_from(page.number).unwrap_or(usize::MAX);
        let start = number.saturating_mul(size);
        let end = start.saturating_add(size);
        let mut content = Vec::new();
        let mut total_elements = 0;
        for element in list {
            if (start..end).contains(&total_elements) {
                content.push(view(element));
            }
            total_elements += 1;
        }
        let total_pages = total_elements.div_ceil(size);
        Self {
            content,
            total_elements,
            total_pages,
            page_number: page.number,
            page_size: page.size,
            first: number == 0,
            last: number.saturating_add(1) >= total_pages,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pages_put_together_are_the_list(length in 0_usize..300, size in 1_u32..120) {
            let list: Vec<usize> = (0..length).collect();
            let mut together = Vec::new();
            for number in 0.. {
                let page = ListPage::slice(list.iter(), |element| *element, PageRequest { number, size });
                prop_assert_eq!(page.total_elements, length);
                prop_assert_eq!(page.first, number == 0);
                together.extend(page.content);
                if page.last {
                    prop_assert_eq!(page.total_pages.max(1), usize::try_from(number).unwrap() + 1);
                    break;
                }
            }
            prop_assert_eq!(together, list);
        }
    }

    #[test]
    fn numbers_beyond_all_lists_do_not_overflow() {
        let page = ListPage::slice(0..5, |element| element, PageRequest { number: u32::MAX, size: u32::MAX });
        assert_eq!((page.content.len(), page.total_elements, page.first, page.last), (0, 5, false, true));
    }

    #[test]
    fn an_empty_list_is_one_page_that_is_first_and_last() {
        let page = ListPage::slice(std::iter::empty::<u8>(), |element| element, PageRequest::default());
        assert_eq!((page.total_pages, page.first, page.last), (0, true, true));
    }
}
