use std::fmt;
use std::str::FromStr;

/// An ISO 4217 currency that has minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency {
    iso: iso_currency::Currency,
    decimals: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CurrencyError {
    #[error("'{0}' is not an ISO 4217 currency code such as SEK, EUR or NOK")]
    Unknown(String),
    /// ISO 4217 also has codes for gold, for tests and for accounting units.
    #[error("{0} has no minor units, so nothing can be charged in it")]
    NoMinorUnits(String),
}

impl Currency {
    /// Number of decimals: SEK 2, JPY 0, KWD 3.
    pub const fn decimals(self) -> u8 {
        self.decimals
    }

    pub fn code(self) -> &'static str {
        self.iso.code()
    }

    pub fn name(self) -> String {
        self.iso.name().to_owned()
    }

    pub fn all() -> impl Iterator<Item = Self> {
        use iso_currency::IntoEnumIterator;
        iso_currency::Currency::iter().filter_map(Self::from_iso)
    }

    /// The currency of a country (ISO 3166-1 alpha-2), if it has exactly one. Funds and special codes do not count.
    pub fn of_country(country: &str) -> Option<Self> {
        let is_used = |currency: &Self| {
            let iso = currency.iso;
            !iso.is_fund()
                && !iso.is_special()
                && iso.used_by().iter().any(|used| used.to_string().eq_ignore_ascii_case(country))
        };
        let mut used = Self::all().filter(is_used);
        used.next().filter(|_| used.next().is_none())
    }

    fn from_iso(iso: iso_currency::Currency) -> Option<Self> {
        let decimals = u8::try_from(iso.exponent()?).ok()?;
        Some(Self { iso, decimals })
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    /// Parses a code in upper or lower case.
    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let iso = iso_currency::Currency::from_code(&text.to_ascii_uppercase())
            .ok_or_else(|| CurrencyError::Unknown(text.to_owned()))?;
        Self::from_iso(iso).ok_or_else(|| CurrencyError::NoMinorUnits(iso.code().to_owned()))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.code())
    }
}
