//! Opens a log: takes the lock, checks that everything belongs together, repairs an interrupted last write.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frame::{Footer, Header};
use super::fs::{FileSystem, LogFile, read_up_to_at, write_zeros};
use super::layout::{
    FOOTER_BYTES, HEADER_BYTES, LogId, MANIFEST_NAME, MANIFEST_TEMPORARY_NAME, SEGMENT_TEMPORARY_NAME,
    UNIT_HEADER_BYTES, looks_like_segment, segment_index, segment_path,
};
use super::manifest::{Manifest, StoreFailure};
use super::scan::{Ending, Scan, read_footer, read_header, scan};
use super::view::SegmentView;
use super::window::{Window, first_non_zero};
use super::{Repair, Settings};
use crate::error::{Error, Result};

/// Everything that is known of a log on disk before it is written to.
pub(super) struct Survey {
    pub(super) manifest: Manifest,
    pub(super) sealed: Vec<SegmentView>,
    /// The last segment where it is not known to be sealed.
    pub(super) last: Option<(Header, Scan)>,
    pub(super) next_sequence: u64,
    /// Checksum of the last sealed segment.
    pub(super) previous_checksum: u32,
    /// Files that an interrupted step left and that hold nothing: removed at open.
    pub(super) leftovers: Vec<PathBuf>,
}

/// Makes the directory of a log with all that lead to it, and makes the new entries durable.
pub(super) fn make_directory(fs: &dyn FileSystem, dir: &Path) -> Result<()> {
    let missing = dir.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).count();
    std::fs::create_dir_all(dir).map_err(|error| Error::io("create", dir, error))?;
    for parent in dir.ancestors().skip(1).take(missing) {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        fs.sync_dir(parent).map_err(|error| Error::io("sync", parent, error))?;
    }
    Ok(())
}

/// File names in the directory.
pub(super) fn names(dir: &Path) -> Result<BTreeSet<String>> {
    let io = |error| Error::io("list", dir, error);
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(dir).map_err(io)? {
        names.insert(entry.map_err(io)?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

/// Reads what is there; changes nothing. `None` where there is no log yet.
pub(super) fn survey(fs: &dyn FileSystem, dir: &Path, settings: &Settings) -> Result<Option<Survey>> {
    let names = names(dir)?;
    let indices: BTreeSet<u64> = names.iter().filter_map(|name| segment_index(name)).collect();
    if let Some(name) = names.iter().find(|name| looks_like_segment(name) && segment_index(name).is_none()) {
        return Err(Error::corrupt(&dir.join(name), 0, "this file is not a segment of the log"));
    }
    let Some(manifest) = Manifest::load(fs, dir)? else {
        if indices.is_empty() {
            return Ok(None);
        }
        return Err(Error::corrupt(&dir.join(MANIFEST_NAME), 0, "the manifest is missing, but there are segments"));
    };
    let seed = manifest.id.seed();
    let mut survey = Survey {
        manifest,
        sealed: Vec::new(),
        last: None,
        next_sequence: manifest.first_sequence,
        previous_checksum: 0,
        leftovers: Vec::new(),
    };
    for name in [MANIFEST_TEMPORARY_NAME, SEGMENT_TEMPORARY_NAME] {
        if names.contains(name) {
            survey.leftovers.push(dir.join(name));
        }
    }
    for index in indices.iter().copied().filter(|index| *index < manifest.first_segment) {
        survey.leftovers.push(segment_path(dir, index)); // retention was interrupted after its marker
    }
    for index in manifest.first_segment..manifest.next_segment {
        let path = segment_path(dir, index);
        if !indices.contains(&index) {
            return Err(Error::corrupt(&path, 0, "a segment of the log is missing"));
        }
        let file = fs.open_read(&path).map_err(|error| Error::io("open", &path, error))?;
        let header = read_header(&*file, &path, manifest.id, index)?;
        check_link(&survey, &path, &header)?;
        if index + 1 < manifest.next_segment || manifest.closed {
            let footer = read_footer(&*file, &path, &header, seed)?;
            survey.seal(&header, &footer);
            continue;
        }
        if header.first_sequence != manifest.boundary_sequence {
            return Err(Error::corrupt(&path, 40, "the segment does not begin where the manifest says"));
        }
        let limits = settings.scan_limits(seed);
        let found = scan(&*file, &path, &header, limits, |_, _| {})?;
        survey.next_sequence = found.next_sequence;
        match &found.ending {
            Ending::Sealed { footer, trimmed: true } => {
                let footer = *footer;
                survey.seal(&header, &footer);
            }
            _ => survey.last = Some((header, found)),
        }
    }
    if manifest.closed && survey.next_sequence != manifest.boundary_sequence {
        let reason = format!(
            "the log was closed before unit {}, its segments end before unit {}",
            manifest.boundary_sequence, survey.next_sequence
        );
        return Err(Error::corrupt(&dir.join(MANIFEST_NAME), 56, reason));
    }
    for index in indices.iter().copied().filter(|index| *index >= manifest.next_segment) {
        survey.leftovers.push(unused_segment(fs, dir, &survey, index)?);
    }
    Ok(Some(survey))
}

impl Survey {
    fn seal(&mut self, header: &Header, footer: &Footer) {
        self.sealed.push(SegmentView {
            index: header.index,
            first_sequence: header.first_sequence,
            next_sequence: footer.next_sequence,
            units_end: footer.units_end,
            file_bytes: header.file_bytes,
        });
        self.next_sequence = footer.next_sequence;
        self.previous_checksum = footer.units_checksum;
    }

    /// The segments as readers may see them, the last one up to its last valid unit.
    pub(super) fn segments(&self) -> Vec<SegmentView> {
        let mut segments = self.sealed.clone();
        segments.extend(self.last.as_ref().map(|(header, found)| SegmentView {
            index: header.index,
            first_sequence: header.first_sequence,
            next_sequence: found.next_sequence,
            units_end: found.units_end,
            file_bytes: header.file_bytes,
        }));
        segments
    }
}

/// A segment has to go on where the one before it ended.
pub(super) fn check_link(survey: &Survey, path: &Path, header: &Header) -> Result<()> {
    if header.first_sequence != survey.next_sequence {
        let reason =
            format!("the segment begins at unit {}, unit {} is next", header.first_sequence, survey.next_sequence);
        return Err(Error::corrupt(path, 40, reason));
    }
    // Of the first retained segment the one before is gone.
    if !survey.sealed.is_empty() && header.previous_checksum != survey.previous_checksum {
        return Err(Error::corrupt(path, 56, "the segment does not follow the one before it"));
    }
    Ok(())
}

/// A segment that the manifest does not name is the rest of an interrupted step only when it is the next and empty.
fn unused_segment(fs: &dyn FileSystem, dir: &Path, survey: &Survey, index: u64) -> Result<PathBuf> {
    let path = segment_path(dir, index);
    if index != survey.manifest.next_segment || survey.last.is_some() {
        return Err(Error::corrupt(&path, 0, "this segment does not belong to the log"));
    }
    let file = fs.open_read(&path).map_err(|error| Error::io("open", &path, error))?;
    let header = read_header(&*file, &path, survey.manifest.id, index)?;
    check_link(survey, &path, &header)?;
    let length = file.len().map_err(|error| Error::io("inspect", &path, error))?;
    if let Some(offset) = first_non_zero(&mut Window::default(), &*file, &path, HEADER_BYTES, length)? {
        return Err(Error::corrupt(&path, offset, "the manifest does not name this segment, but it holds units"));
    }
    Ok(path)
}

/// Makes a new, empty log.
pub(super) fn create(fs: &dyn FileSystem, dir: &Path, id: LogId) -> Result<Survey> {
    let manifest = Manifest::new(id);
    manifest.store(fs, dir).map_err(StoreFailure::into_error)?;
    Ok(Survey {
        manifest,
        sealed: Vec::new(),
        last: None,
        next_sequence: 0,
        previous_checksum: 0,
        leftovers: Vec::new(),
    })
}

/// Opens the unsealed last segment for writing, wipes a torn tail, and makes what is kept durable: after a crash of the
/// process alone it may still be in the page cache only.
pub(super) fn recover(
    fs: &dyn FileSystem,
    dir: &Path,
    header: &Header,
    found: &Scan,
) -> Result<(Arc<dyn LogFile>, Option<Repair>)> {
    let path = segment_path(dir, header.index);
    let io = |action| {
        let path = path.clone();
        move |error| Error::io(action, &path, error)
    };
    let file = fs.open_write(&path).map_err(io("open"))?;
    let length = file.len().map_err(io("inspect"))?;
    let mut repaired = None;
    match &found.ending {
        Ending::Open => {}
        Ending::Sealed { footer, .. } => {
            file.set_len(footer.units_end + FOOTER_BYTES).map_err(io("cut"))?;
        }
        Ending::Torn { reason } => {
            let end = last_non_zero(&*file, found.units_end, length).map_err(io("read"))?;
            // The header goes last and after a barrier, so that an interrupted repair is one that can be repeated.
            let header_end = end.min(found.units_end + UNIT_HEADER_BYTES);
            write_zeros(&*file, header_end, end).map_err(io("repair"))?;
            file.sync_all().map_err(io("sync"))?;
            write_zeros(&*file, found.units_end, header_end).map_err(io("repair"))?;
            if length < header.file_bytes {
                file.allocate(header.file_bytes).map_err(io("allocate"))?;
            }
            repaired = Some(Repair {
                file: path.clone(),
                offset: found.units_end,
                bytes: end - found.units_end,
                reason: reason.clone(),
            });
        }
    }
    file.sync_all().map_err(io("sync"))?;
    Ok((file, repaired))
}

/// End of the last byte in `from..to` that is not zero; `from` where there is none.
fn last_non_zero(file: &dyn LogFile, from: u64, to: u64) -> std::io::Result<u64> {
    let mut chunk = vec![0; 64 * 1024];
    let (mut at, mut end) = (from, from);
    while at < to {
        let wanted = usize::try_from(to - at).unwrap_or(usize::MAX).min(chunk.len());
        let read = read_up_to_at(file, chunk.get_mut(..wanted).unwrap_or_default(), at)?;
        if read == 0 {
            break;
        }
        if let Some(last) = chunk.get(..read).unwrap_or_default().iter().rposition(|byte| *byte != 0) {
            end = at + last as u64 + 1;
        }
        at += read as u64;
    }
    Ok(end)
}
