use super::*;
use crate::image::{Descriptor, media_type};

fn digest(letter: &str) -> Digest {
    Digest::from_hex(&letter.repeat(64)).unwrap()
}

fn stored(stock: Stock, letter: &str, days: u64, bytes: u64) -> Stored {
    let used = SystemTime::UNIX_EPOCH + Duration::from_secs((1000 - days) * 86_400);
    Stored { stock, path: PathBuf::from(format!("{stock:?}-{letter}")), digest: Some(digest(letter)), bytes, used }
}

/// What goes of a package that is needed, a young and an old one, and a blob that no image names.
fn gone(request: &PruneRequest) -> Vec<String> {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000 * 86_400);
    let all = vec![
        stored(Stock::Packages, "a", 90, 100),
        stored(Stock::Packages, "b", 2, 100),
        stored(Stock::Packages, "c", 40, 100),
        stored(Stock::Images, "d", 0, 100),
        stored(Stock::Images, "e", 90, 100),
        stored(Stock::Receipts, "f", 900, 100),
    ];
    let locked = if request.all { BTreeSet::new() } else { BTreeSet::from([digest("a")]) };
    let blobs = if request.images { BTreeSet::new() } else { BTreeSet::from([digest("e")]) };
    let needed = Needed { locked, blobs, documents: BTreeSet::new() };
    let mut gone: Vec<String> = doomed(all, &needed, request, now).iter().map(|stored| stored.path.display().to_string()).collect();
    gone.sort();
    gone
}

#[test]
fn what_is_needed_stays_and_the_rest_goes_when_it_is_old() {
    let usual = PruneRequest::default();
    assert_eq!(gone(&usual), ["Images-d", "Packages-c"]);
    assert_eq!(gone(&PruneRequest { older_than: Some(Duration::ZERO), ..usual.clone() }), ["Images-d", "Packages-b", "Packages-c"]);
    assert_eq!(gone(&PruneRequest { all: true, ..usual.clone() }), ["Images-d", "Packages-a", "Packages-b", "Packages-c"]);
    assert_eq!(gone(&PruneRequest { images: true, ..usual.clone() }), ["Images-d", "Images-e", "Packages-c"]);
    assert_eq!(gone(&PruneRequest { max_size: Some(300), ..usual.clone() }), ["Images-d", "Packages-b", "Packages-c"]);
    assert_eq!(gone(&PruneRequest { max_size: Some(400), ..usual }), ["Images-d", "Packages-c"]);
}

#[test]
fn images_in_the_store_keep_their_blobs() {
    let folder = tempfile::tempdir().unwrap();
    let folders = Folders { cache: folder.path().join("c"), state: folder.path().join("s"), config: folder.path().join("f") };
    let store = Store::open(folders.images()).unwrap();
    let (layer, config) = (store.put(b"layer").unwrap(), crate::image::ImageConfig::default().to_bytes());
    store.put(&config).unwrap();
    let layers = vec![Descriptor::new(media_type::LAYER_TAR, layer, 5)];
    let manifest = crate::image::Manifest::new(Descriptor::of(media_type::CONFIG, &config), layers, Default::default()).to_bytes();
    store.put(&manifest).unwrap();
    let entry = Descriptor::of(media_type::MANIFEST, &manifest);
    store.publish("p/fd/x86_64", entry.clone()).unwrap();
    let lost = store.put(b"lost").unwrap();

    let needed = Needed::by_images(&folders, false).unwrap();
    let request = PruneRequest::default();
    let gone = doomed(survey(&folders).unwrap(), &needed, &request, SystemTime::now());
    assert_eq!(gone.iter().map(|stored| stored.digest).collect::<Vec<_>>(), [Some(lost)]);

    let none = Needed::by_images(&folders, true).unwrap();
    let gone = doomed(survey(&folders).unwrap(), &none, &request, SystemTime::now());
    assert_eq!(gone.len(), 4, "config, layer, manifest and what was lost; index.json and oci-layout stay");
    store.forget_all().unwrap();
    assert!(store.find("p/fd/x86_64").unwrap().is_none() && store.has(&entry));
}
