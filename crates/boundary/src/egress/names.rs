//! Which name an address was given out for.
//!
//! In synthetic mode each pair of name and real address has an address of its own inside the
//! boundary, so a connection says exactly which name it was asked for, and a name that is rebound
//! afterwards changes nothing. In real mode several names can share an address, and all of them are
//! remembered. The table is bounded. A slot is never handed to *another* name while an application
//! may still hold its address: only what nobody asked for or connected to during [`MINIMUM_AGE`] is
//! reused, and when nothing is that old the table is full. A slot may lead to another address of
//! the *same* name at any time, as the name itself may. An application that keeps an address for
//! longer than that without using it is not protected from finding another granted name behind it.

use ringfence_policy::address;
use ringfence_policy::model::DnsMode;
use ringfence_policy::net::HostName;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Most synthetic addresses, or in real mode pairs of name and address, at once.
pub const CAPACITY: usize = 4096;
/// Most synthetic addresses of one name and family; beyond it the name's own oldest is reused.
pub const PER_NAME: usize = 64;
/// How long an address must have been neither answered nor connected to before another name may
/// have it, and how long a real address stays known.
pub const MINIMUM_AGE: Duration = Duration::from_hours(1);

/// The first address given out is the second of 198.18.0.0/15; the first is the interface's own.
const FIRST_V4: u32 = u32::from_be_bytes([198, 18, 0, 2]);
/// `fd52:6e67::2`, after the interface's own.
const FIRST_V6: u128 = (0xfd52_6e67_u128 << 96) + 2;

/// Every slot is younger than [`MINIMUM_AGE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all synthetic addresses are in use")]
pub struct Full;

/// The names and addresses given out so far.
#[derive(Debug)]
pub struct NameTable {
    mode: DnsMode,
    capacity: usize,
    v4: Vec<Slot>,
    v6: Vec<Slot>,
    /// Slots of a name, of both families.
    of_name: HashMap<HostName, Vec<Place>>,
    /// Real mode: names of an address and when each was last used.
    of_address: HashMap<IpAddr, Vec<(HostName, Instant)>>,
    /// Real mode: pairs in `of_address`.
    pairs: usize,
}

/// What one synthetic address stands for.
#[derive(Debug)]
struct Slot {
    name: HostName,
    real: IpAddr,
    used: Instant,
}

/// Where a slot is: its family and its index there, which is also its distance from the first address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    ipv6: bool,
    index: usize,
}

impl NameTable {
    /// An empty table with the default capacity.
    #[must_use]
    pub fn new(mode: DnsMode) -> Self {
        Self::with_capacity(mode, CAPACITY)
    }

    /// An empty table of at most `capacity` entries (and never more than the ranges hold).
    #[must_use]
    pub fn with_capacity(mode: DnsMode, capacity: usize) -> Self {
        Self {
            mode,
            capacity: capacity.min(0xffff),
            v4: Vec::new(),
            v6: Vec::new(),
            of_name: HashMap::new(),
            of_address: HashMap::new(),
            pairs: 0,
        }
    }

    /// Records that `name` resolved to `real` and says which address the service is told: a
    /// synthetic one, or in real mode the same.
    ///
    /// # Errors
    /// [`Full`] in synthetic mode. In real mode the pair unused for longest makes room.
    pub fn answer(&mut self, name: &HostName, real: IpAddr, now: Instant) -> Result<IpAddr, Full> {
        match self.mode {
            DnsMode::Synthetic => self.synthesize(name, real, now),
            DnsMode::Real => {
                self.remember(name, real, now);
                Ok(real)
            }
        }
    }

    /// The synthetic address of a name at a real address; the same pair keeps its address.
    ///
    /// # Errors
    /// [`Full`] when every slot of the family belongs to another name and is too young.
    pub fn synthesize(
        &mut self,
        name: &HostName,
        real: IpAddr,
        now: Instant,
    ) -> Result<IpAddr, Full> {
        let ipv6 = real.is_ipv6();
        let own = self.of_name.get(name).map(Vec::as_slice).unwrap_or_default();
        let own = own.iter().copied().filter(|place| place.ipv6 == ipv6);
        let known = own.clone().find(|place| self.slot(*place).is_some_and(|s| s.real == real));
        let place = match known {
            Some(place) => place,
            None => self.room(own.clone().collect(), ipv6, now)?,
        };
        self.fill(place, name, real, now);
        Ok(synthetic(place))
    }

    /// What a synthetic address stands for; being asked keeps it from being reused.
    #[must_use]
    pub fn lookup(&mut self, address: IpAddr) -> Option<(HostName, IpAddr)> {
        self.lookup_at(address, Instant::now())
    }

    /// [`Self::lookup`] at a given time.
    #[must_use]
    pub fn lookup_at(&mut self, address: IpAddr, now: Instant) -> Option<(HostName, IpAddr)> {
        let slot = self.slot_mut(place_of(address::fold(address))?)?;
        slot.used = now;
        Some((slot.name.clone(), slot.real))
    }

    /// Real mode: the names that resolved to this address during the last [`MINIMUM_AGE`]; being
    /// asked keeps them.
    #[must_use]
    pub fn names_of(&mut self, address: IpAddr) -> Vec<HostName> {
        self.names_of_at(address, Instant::now())
    }

    /// [`Self::names_of`] at a given time.
    #[must_use]
    pub fn names_of_at(&mut self, address: IpAddr, now: Instant) -> Vec<HostName> {
        let Some(names) = self.of_address.get_mut(&address::fold(address)) else {
            return Vec::new();
        };
        let fresh = |used: &Instant| now.saturating_duration_since(*used) < MINIMUM_AGE;
        let fresh = names.iter_mut().filter(|(_, used)| fresh(used));
        fresh
            .map(|(name, used)| {
                *used = now;
                name.clone()
            })
            .collect()
    }

    /// Every name with each real address that was given out for it.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&HostName, IpAddr)> {
        let slots = self.v4.iter().chain(&self.v6).map(|slot| (&slot.name, slot.real));
        let real = self.of_address.iter();
        let real = real.flat_map(|(ip, names)| names.iter().map(|(name, _)| (name, *ip)));
        slots.chain(real).collect()
    }

    /// How many synthetic addresses, or pairs in real mode, are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len() + self.pairs
    }

    /// Whether nothing was given out yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A place for a new pair: a fresh one, else the name's own oldest, else an aged one of another.
    fn room(&mut self, own: Vec<Place>, ipv6: bool, now: Instant) -> Result<Place, Full> {
        let slots = if ipv6 { &self.v6 } else { &self.v4 };
        let next = Place { ipv6, index: slots.len() };
        if own.len() < PER_NAME && self.v4.len() + self.v6.len() < self.capacity {
            return Ok(next);
        }
        // A slot used in this very moment holds another address of the same answer.
        let used = |place: &Place| slots.get(place.index).map_or(now, |slot| slot.used);
        let oldest = own.into_iter().min_by_key(used);
        if let Some(place) = oldest.filter(|place| used(place) < now) {
            return Ok(place);
        }
        let (index, slot) = slots.iter().enumerate().min_by_key(|(_, s)| s.used).ok_or(Full)?;
        if now.saturating_duration_since(slot.used) < MINIMUM_AGE {
            return Err(Full);
        }
        let place = Place { ipv6, index };
        let name = slot.name.clone();
        self.forget(&name, place);
        Ok(place)
    }

    /// The name loses this slot.
    fn forget(&mut self, name: &HostName, place: Place) {
        if let Some(places) = self.of_name.get_mut(name) {
            places.retain(|other| *other != place);
            if places.is_empty() {
                self.of_name.remove(name);
            }
        }
    }

    fn fill(&mut self, place: Place, name: &HostName, real: IpAddr, now: Instant) {
        if let Some(slot) = self.slot_mut(place) {
            let same = slot.name == *name;
            slot.real = real;
            slot.used = now;
            if same {
                return;
            }
            slot.name = name.clone();
        } else {
            let slots = if place.ipv6 { &mut self.v6 } else { &mut self.v4 };
            slots.push(Slot { name: name.clone(), real, used: now });
        }
        match self.of_name.get_mut(name) {
            Some(places) => places.push(place),
            None => {
                self.of_name.insert(name.clone(), vec![place]);
            }
        }
    }

    fn remember(&mut self, name: &HostName, real: IpAddr, now: Instant) {
        let real = address::fold(real);
        if let Some(names) = self.of_address.get_mut(&real)
            && let Some((_, used)) = names.iter_mut().find(|(known, _)| known == name)
        {
            *used = now;
            return;
        }
        if self.pairs >= self.capacity {
            self.drop_oldest_pair();
        }
        self.of_address.entry(real).or_default().push((name.clone(), now));
        self.pairs += 1;
    }

    fn drop_oldest_pair(&mut self) {
        let pairs = self.of_address.iter().flat_map(|(address, names)| {
            names.iter().enumerate().map(move |(index, (_, used))| (*used, *address, index))
        });
        let Some((_, address, index)) = pairs.min() else { return };
        if let Some(names) = self.of_address.get_mut(&address) {
            names.swap_remove(index);
            self.pairs -= 1;
            if names.is_empty() {
                self.of_address.remove(&address);
            }
        }
    }

    fn slot(&self, place: Place) -> Option<&Slot> {
        if place.ipv6 { &self.v6 } else { &self.v4 }.get(place.index)
    }

    fn slot_mut(&mut self, place: Place) -> Option<&mut Slot> {
        if place.ipv6 { &mut self.v6 } else { &mut self.v4 }.get_mut(place.index)
    }
}

/// The address of a place. The capacity keeps both sums inside their ranges.
fn synthetic(place: Place) -> IpAddr {
    let index = u32::try_from(place.index).unwrap_or_default();
    if place.ipv6 {
        Ipv6Addr::from(FIRST_V6.wrapping_add(index.into())).into()
    } else {
        Ipv4Addr::from(FIRST_V4.wrapping_add(index)).into()
    }
}

fn place_of(address: IpAddr) -> Option<Place> {
    match address {
        IpAddr::V4(v4) => {
            let index = usize::try_from(u32::from(v4).checked_sub(FIRST_V4)?).ok()?;
            Some(Place { ipv6: false, index })
        }
        IpAddr::V6(v6) => {
            let index = usize::try_from(u128::from(v6).checked_sub(FIRST_V6)?).ok()?;
            Some(Place { ipv6: true, index })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HostName {
        HostName::parse(text).unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn table(capacity: usize) -> (NameTable, Instant) {
        (NameTable::with_capacity(DnsMode::Synthetic, capacity), Instant::now())
    }

    #[test]
    fn each_pair_of_name_and_address_has_its_own_address_and_keeps_it() {
        let (mut table, now) = table(CAPACITY);
        let mut give = |host: &str, real: &str| {
            table.synthesize(&name(host), ip(real), now).unwrap().to_string()
        };
        assert_eq!(give("a.test", "192.0.2.1"), "198.18.0.2");
        assert_eq!(give("b.test", "192.0.2.1"), "198.18.0.3");
        assert_eq!(give("a.test", "192.0.2.2"), "198.18.0.4");
        assert_eq!(give("a.test", "2001:db8::1"), "fd52:6e67::2");
        assert_eq!(give("a.test", "192.0.2.1"), "198.18.0.2");
        let found = table.lookup(ip("198.18.0.3"));
        assert_eq!(found, Some((name("b.test"), ip("192.0.2.1"))));
        let mapped = table.lookup(ip("::ffff:198.18.0.4"));
        assert_eq!(mapped, Some((name("a.test"), ip("192.0.2.2"))));
        for unknown in
            ["198.18.0.5", "198.18.0.1", "198.17.255.255", "fd52:6e67::1", "::", "0.0.0.0"]
        {
            assert_eq!(table.lookup(ip(unknown)), None, "{unknown}");
        }
    }

    #[test]
    fn an_address_never_passes_to_another_name_before_its_minimum_age() {
        let (mut table, start) = table(2);
        let first = table.synthesize(&name("a.test"), ip("192.0.2.1"), start).unwrap();
        table.synthesize(&name("b.test"), ip("192.0.2.2"), start).unwrap();
        let almost = start + Duration::from_mins(59);
        assert_eq!(table.synthesize(&name("c.test"), ip("192.0.2.3"), almost), Err(Full));
        // A connection counts as use.
        assert!(table.lookup_at(first, almost).is_some());
        let later = start + MINIMUM_AGE;
        let third = table.synthesize(&name("c.test"), ip("192.0.2.3"), later).unwrap();
        assert_eq!(third, ip("198.18.0.3"));
        assert_eq!(table.lookup_at(first, later).unwrap().0, name("a.test"));
        assert_eq!(table.lookup_at(third, later).unwrap().0, name("c.test"));
        assert_eq!(table.synthesize(&name("b.test"), ip("192.0.2.2"), later), Err(Full));
    }

    #[test]
    fn a_name_with_ever_new_addresses_reuses_its_own() {
        let (mut table, start) = table(CAPACITY);
        for round in 0..1000_u32 {
            let now = start + Duration::from_secs(round.into());
            let real = IpAddr::from(Ipv4Addr::from(0x0800_0000 + round));
            let given = table.synthesize(&name("cdn.test"), real, now).unwrap();
            assert_eq!(table.lookup_at(given, now), Some((name("cdn.test"), real)));
        }
        assert_eq!(table.len(), PER_NAME);
    }

    #[test]
    fn addresses_of_one_answer_do_not_take_each_others_place() {
        let (mut table, start) = table(1);
        let now = start + MINIMUM_AGE;
        table.synthesize(&name("a.test"), ip("192.0.2.1"), start).unwrap();
        let given = table.synthesize(&name("a.test"), ip("192.0.2.2"), now).unwrap();
        assert_eq!(table.synthesize(&name("a.test"), ip("192.0.2.3"), now), Err(Full));
        assert_eq!(table.lookup_at(given, now), Some((name("a.test"), ip("192.0.2.2"))));
    }

    #[test]
    fn a_full_family_does_not_give_an_address_of_the_other() {
        let (mut table, start) = table(1);
        table.synthesize(&name("a.test"), ip("192.0.2.1"), start).unwrap();
        let later = start + MINIMUM_AGE * 2;
        assert_eq!(table.synthesize(&name("b.test"), ip("2001:db8::1"), later), Err(Full));
    }

    #[test]
    fn in_real_mode_all_names_of_an_address_are_known_while_they_are_fresh() {
        let start = Instant::now();
        let mut table = NameTable::with_capacity(DnsMode::Real, 3);
        for host in ["a.test", "b.test"] {
            let given = table.answer(&name(host), ip("192.0.2.1"), start).unwrap();
            assert_eq!(given, ip("192.0.2.1"));
        }
        let names = table.names_of_at(ip("::ffff:192.0.2.1"), start);
        assert_eq!(names, [name("a.test"), name("b.test")]);
        assert!(table.names_of_at(ip("192.0.2.9"), start).is_empty());
        assert!(table.names_of_at(ip("192.0.2.1"), start + MINIMUM_AGE).is_empty());
    }

    #[test]
    fn in_real_mode_the_pair_unused_for_longest_makes_room() {
        let start = Instant::now();
        let mut table = NameTable::with_capacity(DnsMode::Real, 2);
        let after = |seconds| start + Duration::from_secs(seconds);
        table.answer(&name("a.test"), ip("192.0.2.1"), after(0)).unwrap();
        table.answer(&name("b.test"), ip("192.0.2.2"), after(1)).unwrap();
        assert_eq!(table.names_of_at(ip("192.0.2.1"), after(2)), [name("a.test")]);
        table.answer(&name("c.test"), ip("192.0.2.3"), after(3)).unwrap();
        assert_eq!(table.len(), 2);
        assert!(table.names_of_at(ip("192.0.2.2"), after(3)).is_empty());
        assert_eq!(table.names_of_at(ip("192.0.2.1"), after(3)), [name("a.test")]);
    }

    #[test]
    fn the_last_address_lies_inside_the_ranges() {
        let last = |ipv6| synthetic(Place { ipv6, index: 0xffff });
        assert_eq!(last(false), ip("198.19.0.1"));
        assert_eq!(last(true), ip("fd52:6e67::1:1"));
    }
}
