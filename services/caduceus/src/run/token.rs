//! `caduceus token`: a bearer token of the network, where this key store holds the authority's key.

use kit::{Clock as _, SystemClock};
use portal::{Holder, Token};
use rand_core::OsRng;

use super::config::PortalSettings;
use super::process::open_network;
use super::{load, of_kit};
use crate::cli;
use crate::failure::{Failure, Outcome};
use crate::network::id;

const HOUR_MS: i64 = 3_600_000;

/// Prints a token for a member, a patient or a device.
pub(crate) fn token(arguments: &cli::Token) -> Outcome {
    let config = load(&arguments.config)?;
    let settings: PortalSettings = config.section().map_err(of_kit)?;
    let network = open_network(&config)?;
    let holder = match (&arguments.party, &arguments.patient) {
        (Some(party), _) => Holder::Party(id(party)?),
        (None, Some(name)) => {
            let patients = network.patients();
            let patient = patients.get(name).ok_or_else(|| {
                Failure::usage(format_args!(
                    "there is no patient {name}; `caduceus enrol --patient {name} --config {}` makes one",
                    arguments.config.display()
                ))
            })?;
            match &arguments.device {
                Some(device) => Holder::Device { chain: patient.chain.id, device: device.clone() },
                None => Holder::Patient(patient.signer.public()),
            }
        }
        (None, None) => return Err(Failure::usage("name whom the token is for: --party or --patient")),
    };
    let now_ms = SystemClock.now_ms();
    let expires_ms = now_ms.saturating_add(i64::from(arguments.hours) * HOUR_MS);
    let token = Token::new(&settings.audience, holder, now_ms, expires_ms, &mut OsRng);
    crate::console::line(token.sign(&network.id, &network.authority()?, &mut OsRng));
    Ok(())
}
