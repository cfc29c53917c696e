//! Archives as `docker save`, builders and strangers make them.

use super::*;
use std::io::Write as _;

/// Files of one layer: path, mode, content; a path that ends in `/` is a directory, `a -> b` a link.
type Files<'a> = &'a [(&'a str, u32, &'a str)];

fn tar_of(files: Files<'_>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, mode, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        if let Some((path, to)) = path.split_once(" -> ") {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            builder.append_link(&mut header, path, to).unwrap();
            continue;
        }
        if path.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn outer(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path, content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

const CONFIG: &str = r#"{"config":{"User":"10001","Entrypoint":["node"],"Cmd":["a.js"],
"Env":["A=1"],"ExposedPorts":{"80/tcp":{}},"WorkingDir":"/app"},
"history":[{"created_by":"RUN x"}]}"#;

fn saved(layers: &[Vec<u8>]) -> Vec<u8> {
    let names: Vec<String> =
        (0..layers.len()).map(|number| format!("{number}/layer.tar")).collect();
    let manifest = serde_json::json!([{"Config": "c.json", "Layers": names}]).to_string();
    let mut files = vec![("c.json", CONFIG.as_bytes().to_vec())];
    files.extend(names.iter().map(String::as_str).zip(layers.iter().cloned()));
    files.push(("manifest.json", manifest.into_bytes()));
    outer(&files)
}

fn layout(layers: &[Vec<u8>]) -> Vec<u8> {
    let digests: Vec<String> = (0..layers.len()).map(|number| format!("sha256:{number}")).collect();
    let layer = |digest: &String| serde_json::json!({"digest": digest});
    let manifest = serde_json::json!({"config": {"digest": "sha256:c"},
        "layers": digests.iter().map(layer).collect::<Vec<_>>()});
    let index = serde_json::json!({"manifests": [{"digest": "sha256:m"},
        {"digest": "sha256:x", "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}]});
    let names: Vec<String> =
        (0..layers.len()).map(|number| format!("blobs/sha256/{number}")).collect();
    let mut files = vec![
        ("oci-layout", b"{}".to_vec()),
        ("index.json", index.to_string().into_bytes()),
        ("blobs/sha256/m", manifest.to_string().into_bytes()),
        ("blobs/sha256/c", CONFIG.as_bytes().to_vec()),
    ];
    files.extend(names.iter().map(String::as_str).zip(layers.iter().cloned()));
    outer(&files)
}

#[derive(Default)]
struct Seen(Vec<(String, String, usize)>);

impl Visitor for Seen {
    fn wanted(&mut self, entry: &Entry) -> u64 {
        if entry.path.rsplit('/').next() == Some(".env") { 100 } else { 0 }
    }

    fn visit(&mut self, entry: &Entry, content: &[u8]) {
        let content = String::from_utf8_lossy(content).into_owned();
        self.0.push((entry.path.clone(), content, entry.layer));
    }
}

fn read_bytes(bytes: &[u8]) -> Result<(Image, Seen), ImageError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let mut seen = Seen::default();
    read(file.path(), &mut seen).map(|image| (image, seen))
}

fn paths(image: &Image) -> Vec<&str> {
    image.tree.keys().map(String::as_str).collect()
}

fn layers() -> Vec<Vec<u8>> {
    vec![
        tar_of(&[
            ("app/", 0o755, ""),
            ("app/.env", 0o644, "TOKEN=1"),
            ("app/old/a", 0o644, ""),
            ("cache/a", 0o644, ""),
            ("cache/b/c", 0o644, ""),
            ("bin -> usr/bin", 0o777, ""),
        ]),
        gzip(&tar_of(&[
            ("./app/.wh..env", 0o644, ""),
            ("cache/new", 0o644, ""),
            ("cache/.wh..wh..opq", 0o644, ""),
            ("app/old", 0o4755, "now a file"),
        ])),
    ]
}

#[test]
fn what_later_layers_take_away_is_gone_and_was_seen() {
    for bytes in [saved(&layers()), layout(&layers())] {
        let (image, seen) = read_bytes(&bytes).unwrap();
        assert_eq!(paths(&image), ["app", "app/old", "bin", "cache/new"]);
        assert_eq!(image.tree["app/old"].mode, 0o4755);
        assert_eq!(image.tree["bin"].kind, Kind::Symlink("usr/bin".into()));
        assert!(seen.0.contains(&("app/.env".into(), "TOKEN=1".into(), 0)));
        let config = image.config.unwrap();
        assert_eq!((config.user.as_str(), config.folder.as_str()), ("10001", "/app"));
        assert_eq!(config.environment, [("A".to_owned(), "1".to_owned())]);
        assert_eq!(config.history, ["RUN x"]);
    }
}

#[test]
fn a_root_file_system_is_read_compressed_or_not() {
    let root = tar_of(&[("etc/passwd", 0o644, "x"), ("manifest.json", 0o644, "{}")]);
    for bytes in [gzip(&root), root] {
        let (image, _) = read_bytes(&bytes).unwrap();
        assert_eq!(paths(&image), ["etc/passwd", "manifest.json"]);
        assert_eq!(image.config, None);
    }
}

#[test]
fn what_is_no_image_is_an_error_that_says_so() {
    let error = |bytes: &[u8]| read_bytes(bytes).map(|(image, _)| image).unwrap_err().to_string();
    assert_eq!(error(b""), "it is not a tar archive");
    assert_eq!(error(&[b'x'; 2000]), "it is not a tar archive");
    assert!(error(&tar_of(&[("readme", 0o644, "")])).starts_with("it is neither"));
    assert!(error(&gzip(&saved(&layers()))).contains("gunzip"));
    let whole = saved(&layers());
    assert!(error(&whole[..whole.len() - 2048]).contains("neither"), "without its manifest");
    let twice = r#"[{"Config":"c","Layers":[]},{"Config":"c","Layers":[]}]"#;
    assert!(error(&outer(&[("manifest.json", twice.into())])).contains("2 images"));
    let gone = r#"[{"Config":"c","Layers":[]}]"#;
    assert!(error(&outer(&[("manifest.json", gone.into())])).contains("not there"));
    let zstd = saved(&[vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0]]);
    assert!(error(&zstd).contains("only gzip"));
    let cut = saved(&[tar_of(&[("etc/a", 0o644, "abcdef")])[..515].to_vec()]);
    assert!(error(&cut).contains("ends in the middle"));
}

#[test]
fn paths_that_lead_out_and_names_without_end_are_refused() {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..9].copy_from_slice(b"../../etc");
    header.set_mode(0o644);
    header.set_size(0);
    header.set_cksum();
    let mut tar = header.as_bytes().to_vec();
    tar.extend([0; 1024]);
    assert!(matches!(read_bytes(&saved(&[tar])), Err(ImageError::Path(_))));

    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(1 << 40);
    header.set_cksum();
    let tar = header.as_bytes().to_vec();
    assert!(matches!(read_bytes(&saved(&[tar])), Err(ImageError::TooLarge(_))));

    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[0] = b'a';
    header.set_size(u64::MAX - 1);
    header.set_cksum();
    let tar = header.as_bytes().to_vec();
    assert!(read_bytes(&saved(std::slice::from_ref(&tar))).is_err());
    assert!(read_bytes(&tar).is_err());
}

#[test]
fn long_names_and_attributes_are_read() {
    let long = format!("etc/{}/x", "d".repeat(200));
    let (image, _) = read_bytes(&saved(&[tar_of(&[(&long, 0o644, "")])])).unwrap();
    assert_eq!(paths(&image), [long.as_str()]);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("path", "etc/named".as_bytes())]).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_size(0);
    builder.append_data(&mut header, "short", std::io::empty()).unwrap();
    let (image, _) = read_bytes(&saved(&[builder.into_inner().unwrap()])).unwrap();
    assert_eq!(paths(&image), ["etc/named"]);
}

#[test]
fn a_layer_without_entries_is_no_mistake() {
    let (image, _) = read_bytes(&saved(&[Vec::new(), vec![0; 1024]])).unwrap();
    assert_eq!((image.layers.len(), image.tree.len()), (2, 0));
}

#[test]
fn whiteouts_without_end_end_soon() {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |path: &str| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(0);
        builder.append_data(&mut header, path, std::io::empty()).unwrap();
    };
    for number in 0..20_000 {
        add(&format!("etc/x/{number}"));
        add(".wh..wh..opq");
        add("etc/.wh.x");
        add("etc/y");
    }
    let tar = builder.into_inner().unwrap();
    let begin = std::time::Instant::now();
    let (image, _) = read_bytes(&saved(&[tar])).unwrap();
    assert_eq!(image.tree.len(), 20_001, "a layer does not take away what is its own");
    assert!(begin.elapsed() < std::time::Duration::from_secs(20));
}
