//! The body of a request while it is received.

/// The blocks of all bodies have the same size, so that the memory of one is used again by another. A vector that grows would
/// leave a gap of each smaller size behind.
const BLOCK_SIZE: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(crate) struct BodyBuffer {
    blocks: Vec<Vec<u8>>,
    length: usize,
}

impl BodyBuffer {
    pub(crate) const fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn push(&mut self, mut data: &[u8]) {
        self.length += data.len();
        while !data.is_empty() {
            if self.blocks.last().is_none_or(|block| block.len() == BLOCK_SIZE) {
                self.blocks.push(Vec::with_capacity(data.len().min(BLOCK_SIZE)));
            }
            let Some(block) = self.blocks.last_mut() else { return };
            let (now, later) = data.split_at(data.len().min(BLOCK_SIZE - block.len()));
            block.extend_from_slice(now);
            data = later;
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.blocks.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_what_was_pushed() {
        let data: Vec<u8> = (0..100_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        for size in [1, 1000, BLOCK_SIZE, BLOCK_SIZE + 1, 100_000] {
            let mut body = BodyBuffer::default();
            data.chunks(size).for_each(|chunk| body.push(chunk));
            assert_eq!((body.len(), body.into_bytes()), (data.len(), data.clone()), "{size}");
        }
        assert_eq!(BodyBuffer::default().into_bytes(), b"");
    }
}
