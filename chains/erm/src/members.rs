//! Carrying out a membership decision: all acts or none, and the stake's invariants after the last.

use std::collections::BTreeMap;

use crate::execute::Execution;
use crate::membership::{Act, HISTORY_MAX, KeySpan, MembershipDecision, StandingSpan};
use crate::{
    Authority, Error, Id, Key, Meta, NodeStore, Operator, OperatorRecord, Party, PartyRecord, Refusal, Roster, Seat,
    StakeViolation,
};

/// What a decision changes.
pub(crate) struct Changed {
    pub(crate) roster: Roster,
    pub(crate) authority: Option<Authority>,
    pub(crate) writes: Vec<(Key, Vec<u8>)>,
}

struct Work<'a, 'b, S> {
    execution: &'a Execution<'b, S>,
    roster: Roster,
    parties: BTreeMap<Id, PartyRecord>,
    operators: BTreeMap<Id, OperatorRecord>,
    listed: Option<Vec<Id>>,
    authority: Option<Authority>,
}

pub(crate) fn decide<S: NodeStore>(
    execution: &Execution<'_, S>,
    roster: &Roster,
    decision: &MembershipDecision,
) -> Result<Changed, Error> {
    let mut work = Work {
        execution,
        roster: roster.clone(),
        parties: BTreeMap::new(),
        operators: BTreeMap::new(),
        listed: None,
        authority: None,
    };
    for act in &decision.acts {
        work.act(act)?;
    }
    work.roster.validators().map_err(Refusal::Stake)?;
    let Work { roster, parties, operators, listed, authority, .. } = work;
    let mut writes = Vec::new();
    writes.extend(parties.into_iter().map(|(id, record)| (Key::Party(id), ledger::encode(&record))));
    writes.extend(operators.into_iter().map(|(id, record)| (Key::Operator(id), ledger::encode(&record))));
    writes.extend(listed.map(|ids| (Key::Meta(Meta::Operators), ledger::encode(&ids))));
    writes.extend(authority.as_ref().map(|policy| (Key::Meta(Meta::Authority), ledger::encode(policy))));
    Ok(Changed { roster, authority, writes })
}

impl<S: NodeStore> Work<'_, '_, S> {
    fn act(&mut self, act: &Act) -> Result<(), Error> {
        // In force from the next block on.
        let (from_height, from_ms) = (self.execution.height.saturating_add(1), self.execution.time_ms);
        match act {
            Act::Enrol(party) => self.enrol(party, from_height, from_ms),
            Act::Suspend(id) => self.standing(id, StandingSpan { from_height, from_ms, active: false }),
            Act::Reinstate(id) => self.standing(id, StandingSpan { from_height, from_ms, active: true }),
            Act::Rotate { party, signer, vrf, wrap } => {
                let span = KeySpan { from_height, from_ms, signer: *signer, vrf: *vrf, wrap: *wrap };
                self.rotate(party, span)
            }
            Act::Stake { party, units } => {
                let record = self.party(party)?;
                if record.units == *units {
                    return Err(Refusal::NoChange("the party has these units already").into());
                }
                record.units = *units;
                self.seat(party)?.units = *units;
                Ok(())
            }
            Act::Operator(operator) => self.operator_named(operator),
            Act::Authority(policy) => {
                self.authority = Some(policy.clone());
                Ok(())
            }
        }
    }

    fn enrol(&mut self, party: &Party, from_height: u64, from_ms: i64) -> Result<(), Error> {
        if self.roster.party(&party.id).is_some() {
            return Err(Refusal::PartyKnown(party.id.clone()).into());
        }
        self.operator(&party.operator)?.parties.push(party.id.clone());
        self.parties.insert(party.id.clone(), PartyRecord::enrolled(party, from_height, from_ms));
        let seat = Seat {
            operator: party.operator.clone(),
            role: party.role,
            units: party.units,
            active: true,
            signer: party.signer,
        };
        self.roster.parties.insert(party.id.clone(), seat);
        Ok(())
    }

    fn standing(&mut self, id: &Id, span: StandingSpan) -> Result<(), Error> {
        let record = self.party(id)?;
        if record.active() == span.active {
            return Err(Refusal::NoChange("the party's standing is that already").into());
        }
        if record.standing.len() >= HISTORY_MAX {
            return Err(Refusal::HistoryFull(id.clone()).into());
        }
        record.standing.push(span);
        self.seat(id)?.active = span.active;
        Ok(())
    }

    fn rotate(&mut self, id: &Id, span: KeySpan) -> Result<(), Error> {
        let record = self.party(id)?;
        let same = |last: &KeySpan| last.signer == span.signer && last.vrf == span.vrf && last.wrap == span.wrap;
        if record.keys.last().is_some_and(same) {
            return Err(Refusal::NoChange("these are the party's keys already").into());
        }
        if record.keys.len() >= HISTORY_MAX {
            return Err(Refusal::HistoryFull(id.clone()).into());
        }
        let signer = span.signer;
        record.keys.push(span);
        self.seat(id)?.signer = signer;
        Ok(())
    }

    fn operator_named(&mut self, operator: &Operator) -> Result<(), Error> {
        if self.roster.operators.values().any(|key| *key == operator.validator) {
            let reason = "the validator key is an operator's already";
            return Err(Refusal::Stake(StakeViolation::Validators(reason.into())).into());
        }
        if self.roster.operator(&operator.id).is_some() {
            self.operator(&operator.id)?.validator = operator.validator;
        } else {
            let record = OperatorRecord { validator: operator.validator, parties: Vec::new() };
            self.operators.insert(operator.id.clone(), record);
            let mut listed = match self.listed.take() {
                Some(listed) => listed,
                None => self.execution.read(&Key::Meta(Meta::Operators))?.unwrap_or_default(),
            };
            listed.push(operator.id.clone());
            self.listed = Some(listed);
        }
        self.roster.operators.insert(operator.id.clone(), operator.validator);
        Ok(())
    }

    fn seat(&mut self, id: &Id) -> Result<&mut Seat, Error> {
        self.roster.parties.get_mut(id).ok_or_else(|| Refusal::PartyUnknown(id.clone()).into())
    }

    fn party(&mut self, id: &Id) -> Result<&mut PartyRecord, Error> {
        if !self.parties.contains_key(id) {
            let record = self.execution.read(&Key::Party(id.clone()))?;
            self.parties.insert(id.clone(), record.ok_or_else(|| Refusal::PartyUnknown(id.clone()))?);
        }
        self.parties.get_mut(id).ok_or_else(|| Refusal::PartyUnknown(id.clone()).into())
    }

    fn operator(&mut self, id: &Id) -> Result<&mut OperatorRecord, Error> {
        if !self.operators.contains_key(id) {
            let record = self.execution.read(&Key::Operator(id.clone()))?;
            self.operators.insert(id.clone(), record.ok_or_else(|| Refusal::OperatorUnknown(id.clone()))?);
        }
        self.operators.get_mut(id).ok_or_else(|| Refusal::OperatorUnknown(id.clone()).into())
    }
}
