//! The patients of a partition: found by their chain's id, gone through in the order in which they came.

use ledger::Digest;

use crate::by_digest::ByDigest;
use crate::patient::Patient;

/// Where a patient lies; its own until the patient is removed, and nobody else's after that.
pub(crate) type Slot = usize;

#[derive(Default)]
pub(crate) struct Patients {
    slots: Vec<Option<Box<Patient>>>,
    places: ByDigest<Slot>,
}

impl Patients {
    pub(crate) fn slot(&self, id: &Digest) -> Option<Slot> {
        self.places.get(id).copied()
    }

    pub(crate) fn at(&self, slot: Slot) -> Option<&Patient> {
        self.slots.get(slot)?.as_deref()
    }

    pub(crate) fn at_mut(&mut self, slot: Slot) -> Option<&mut Patient> {
        self.slots.get_mut(slot)?.as_deref_mut()
    }

    pub(crate) fn get_mut(&mut self, id: &Digest) -> Option<&mut Patient> {
        self.at_mut(self.slot(id)?)
    }

    /// Adds a patient, or puts another state in its place.
    pub(crate) fn insert(&mut self, id: Digest, patient: Patient) -> Slot {
        let slot = *self.places.entry(id).or_insert(self.slots.len());
        match self.slots.get_mut(slot) {
            Some(place) => *place = Some(Box::new(patient)),
            None => self.slots.push(Some(Box::new(patient))),
        }
        slot
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Box<Patient>> {
        let patient = self.slots.get_mut(slot)?.take()?;
        self.places.remove(&patient.chain.id);
        Some(patient)
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &Patient)> {
        self.slots.iter().enumerate().filter_map(|(slot, patient)| Some((slot, patient.as_deref()?)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (Slot, &mut Patient)> {
        self.slots.iter_mut().enumerate().filter_map(|(slot, patient)| Some((slot, patient.as_deref_mut()?)))
    }
}
