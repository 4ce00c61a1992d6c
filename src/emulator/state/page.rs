//! Pages of a list.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    pub number: u32,
    /// At least 1.
    pub size: u32,
}

impl Default for PageRequest {
    /// The defaults of the contract.
    fn default() -> Self {
        Self { number: 0, size: 20 }
    }
}

/// A page in the API's envelope (documented for some lists, observed for others).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListPage<T> {
    pub content: Vec<T>,
    pub total_elements: usize,
    /// Zero for an empty list.
    pub total_pages: usize,
    /// Starting at 0.
    pub page_number: u32,
    pub page_size: u32,
    pub first: bool,
    pub last: bool,
}

impl<T> ListPage<T> {
    /// Returns a page of a list; beyond the end it is empty. `view` is only called for the elements of the page.
    pub(super) fn slice<R>(list: impl Iterator<Item = R>, view: impl Fn(R) -> T, page: PageRequest) -> Self {
        // A saturated value is larger than any list.
        let size = usize::try_from(page.size.max(1)).unwrap_or(usize::MAX);
        let number = usize::try_from(page.number).unwrap_or(usize::MAX);
        let list: Vec<_> = list.collect();
        let total_elements = list.len();
        let content = list.into_iter().skip(number.saturating_mul(size)).take(size).map(view).collect();
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
        fn all_pages_together_are_the_list(length in 0_usize..300, size in 1_u32..120) {
            let list: Vec<usize> = (0..length).collect();
            let mut all = Vec::new();
            for number in 0.. {
                let page = ListPage::slice(list.iter(), |element| *element, PageRequest { number, size });
                prop_assert_eq!(page.total_elements, length);
                prop_assert_eq!(page.first, number == 0);
                all.extend(page.content);
                if page.last {
                    prop_assert_eq!(page.total_pages.max(1), usize::try_from(number).unwrap() + 1);
                    break;
                }
            }
            prop_assert_eq!(all, list);
        }
    }

    #[test]
    fn an_empty_list_has_one_page_and_the_largest_numbers_do_not_overflow() {
        let empty = ListPage::slice(std::iter::empty::<u8>(), |element| element, PageRequest::default());
        assert_eq!((empty.total_pages, empty.first, empty.last), (0, true, true));
        let page = ListPage::slice(0..5, |element| element, PageRequest { number: u32::MAX, size: u32::MAX });
        assert_eq!((page.content.len(), page.total_elements, page.first, page.last), (0, 5, false, true));
    }
}
