//! Kinds of files, by their first bytes.

/// A kind of file that can be asked for. HTML, SVG and other XML are none: a browser runs what is in
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// AV1 pictures.
    Avif,
    /// Comma-separated values: text.
    Csv,
    /// GIF pictures.
    Gif,
    /// gzip.
    Gzip,
    /// JPEG pictures.
    Jpeg,
    /// JSON: text. Whether it is well formed is for its reader.
    Json,
    /// MPEG-4 films.
    Mp4,
    /// Ogg sound.
    Ogg,
    /// PDF documents.
    Pdf,
    /// PNG pictures.
    Png,
    /// Plain text: UTF-8 without control characters.
    Text,
    /// WAVE sound.
    Wav,
    /// `WebP` pictures.
    Webp,
    /// Zip archives; documents that are zips are other kinds.
    Zip,
}

/// Each kind with its media type, its other names (the one the sniffer uses among them) and its ending.
const TABLE: [(Kind, &str, &[&str], &str); 14] = [
    (Kind::Avif, "image/avif", &[], "avif"),
    (Kind::Csv, "text/csv", &["application/csv"], "csv"),
    (Kind::Gif, "image/gif", &[], "gif"),
    (Kind::Gzip, "application/gzip", &["application/x-gzip"], "gz"),
    (Kind::Jpeg, "image/jpeg", &["image/jpg"], "jpg"),
    (Kind::Json, "application/json", &["text/json"], "json"),
    (Kind::Mp4, "video/mp4", &[], "mp4"),
    (Kind::Ogg, "audio/ogg", &["application/ogg"], "ogg"),
    (Kind::Pdf, "application/pdf", &["application/x-pdf"], "pdf"),
    (Kind::Png, "image/png", &[], "png"),
    (Kind::Text, "text/plain", &[], "txt"),
    (Kind::Wav, "audio/wav", &["audio/x-wav", "audio/wave"], "wav"),
    (Kind::Webp, "image/webp", &[], "webp"),
    (Kind::Zip, "application/zip", &["application/x-zip-compressed"], "zip"),
];

/// Kinds whose mark is two letters that many texts begin with.
const WEAK: [&str; 1] = ["image/bmp"];

impl Kind {
    /// Its media type (RFC 6838).
    #[must_use]
    pub fn media_type(self) -> &'static str {
        self.row().1
    }

    /// The ending of its files, without a dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        self.row().3
    }

    /// Whether it is text.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Json | Self::Text)
    }

    /// Whether it is shown or played, so that nothing else has any business in it.
    pub(super) const fn is_media(self) -> bool {
        matches!(
            self,
            Self::Avif
                | Self::Gif
                | Self::Jpeg
                | Self::Mp4
                | Self::Ogg
                | Self::Png
                | Self::Wav
                | Self::Webp
        )
    }

    fn row(self) -> (Self, &'static str, &'static [&'static str], &'static str) {
        let row = TABLE.iter().find(|row| row.0 == self);
        row.copied().unwrap_or((self, "application/octet-stream", &[], "bin"))
    }

    /// The kind that a media type names, whatever its parameters.
    #[must_use]
    pub fn declared(media_type: &str) -> Option<Self> {
        let name = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let named = |row: &&(Self, &str, &[&str], &str)| row.1 == name || row.2.contains(&&*name);
        TABLE.iter().find(named).map(|row| row.0)
    }

    /// The kind of a file that begins with these bytes; text is [`Kind::Text`].
    #[must_use]
    pub fn sniff(head: &[u8]) -> Option<Self> {
        match infer::get(head).map(|found| found.mime_type()) {
            Some(media_type) if !WEAK.contains(&media_type) => Self::declared(media_type),
            _ => text(head).then_some(Self::Text),
        }
    }
}

/// Whether bytes are text; a letter may be cut at their end.
fn text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            let whole = head.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(whole).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.is_empty() && !valid.bytes().any(is_control)
}

/// A control character that no text holds.
pub(super) const fn is_control(byte: u8) -> bool {
    byte == 0x7f || (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c))
}
