//! The pieces of a compressed layer: whole gzip members or whole zstd frames, each over at most [`MEMBER`] bytes, so that
//! they can be made on any number of threads and put one behind the other (RFC 1952, 2.2; RFC 8878, 3).

use super::gzip;
use crate::catalog::LayerCompression;
use crate::image::{GZIP_MEMBER, gzip_member};
use crate::{Error, Result};

/// How much of the tar stream goes into one member.
pub(in super::super) const MEMBER: usize = GZIP_MEMBER;

/// The zstd level of everything we write. One level and one thread per frame, so the bytes depend on nothing else.
const ZSTD_LEVEL: i32 = 3;

/// Puts `raw` as one member into `out`, in place of what is there.
pub(in super::super) fn compress(how: LayerCompression, raw: &[u8], out: &mut Vec<u8>) -> Result<()> {
    match how {
        LayerCompression::Gzip => gzip_member(raw, out),
        LayerCompression::Zstd => {
            let mut frame = || {
                let mut compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
                compressor.include_checksum(true)?;
                compressor.include_contentsize(true)?;
                out.resize(zstd::zstd_safe::compress_bound(raw.len()), 0);
                compressor.compress_to_buffer(raw, out)
            };
            let length = frame().map_err(|error| Error::failed("cannot compress").source(error))?;
            out.truncate(length);
            Ok(())
        }
    }
}

/// Puts the content of one whole member, checked against the checksum in it, into `out`, in place of what is there.
pub(in super::super) fn decompress(how: LayerCompression, member: &[u8], out: &mut Vec<u8>) -> Result<()> {
    match how {
        LayerCompression::Gzip => gzip::decompress(member, out),
        LayerCompression::Zstd => {
            out.resize(MEMBER, 0);
            let length = zstd::bulk::decompress_to_buffer(member, out)
                .map_err(|error| Error::failed(format!("a cached segment does not decompress: {error}")))?;
            out.truncate(length);
            Ok(())
        }
    }
}

/// By which a member, or what is in it, is known again when it comes back from a disk.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = libdeflater::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compress(how: LayerCompression, raw: &[u8]) -> Result<Vec<u8>> {
        let mut out = vec![9; 3];
        super::compress(how, raw, &mut out).map(|()| out)
    }

    fn decompress(how: LayerCompression, member: &[u8]) -> Result<Vec<u8>> {
        let mut out = vec![9; 3];
        super::decompress(how, member, &mut out).map(|()| out)
    }

    #[test]
    fn members_in_a_row_are_one_stream_to_an_independent_reader() {
        let text: Vec<u8> = (0..3 * MEMBER as u32 / 2).map(|n| (n % 113) as u8).collect();
        for how in [LayerCompression::Gzip, LayerCompression::Zstd] {
            let members: Vec<Vec<u8>> = text.chunks(MEMBER).map(|piece| compress(how, piece).unwrap()).collect();
            assert_eq!(decompress(how, &members[1]).unwrap(), &text[MEMBER..]);
            let (program, all) = match how {
                LayerCompression::Gzip => ("gzip", std::io::read_to_string(flate2::read::MultiGzDecoder::new(&members.concat()[..]))),
                LayerCompression::Zstd => {
                    ("zstd", std::io::read_to_string(zstd::stream::read::Decoder::new(&members.concat()[..]).unwrap()))
                }
            };
            assert_eq!(all.unwrap().as_bytes(), text, "{program}");
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(program);
            std::fs::write(&path, members.concat()).unwrap();
            // Where the program is installed it has to agree.
            if let Ok(judged) = std::process::Command::new(program).arg("-dc").stdin(std::fs::File::open(&path).unwrap()).output() {
                assert_eq!(judged.stdout, text, "{program}");
            }
        }
    }

    #[test]
    fn a_member_with_one_changed_bit_or_too_much_in_it_is_an_error() {
        for how in [LayerCompression::Gzip, LayerCompression::Zstd] {
            let member = compress(how, &[7; 5000]).unwrap();
            for at in 0..member.len() {
                let mut changed = member.clone();
                changed[at] ^= 4;
                // Bits that mean nothing (a time, a reserved flag) may change; content may not.
                assert!(decompress(how, &changed).map_or(true, |content| content == [7; 5000]), "{how:?} byte {at}");
            }
            assert!(decompress(how, &compress(how, &vec![0; MEMBER + 1]).unwrap()).is_err());
        }
    }
}
