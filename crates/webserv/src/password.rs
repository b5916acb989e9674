//! Password hashes: Argon2id as this program makes them, and those of `htpasswd -B`.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

/// The Argon2id hash of a password, with a salt of its own, as a PHC string.
///
/// # Errors
///
/// A sentence, when the system has no random numbers.
///
/// # Examples
///
/// ```
/// let hash = webserv::password::hash(b"open sesame")?;
/// assert!(webserv::password::verify(b"open sesame", &hash));
/// assert!(!webserv::password::verify(b"open barley", &hash));
/// # Ok::<(), String>(())
/// ```
pub fn hash(password: &[u8]) -> Result<String, String> {
    Argon2::default()
        .hash_password(password)
        .map(|hash| hash.to_string())
        .map_err(|error| format!("the password cannot be hashed: {error}"))
}

/// Whether `password` is the one that was hashed. The hashes are compared in constant time. Takes
/// tens of milliseconds.
#[must_use]
pub fn verify(password: &[u8], hash: &str) -> bool {
    if is_bcrypt(hash) {
        return bcrypt::verify(password, hash).unwrap_or(false);
    }
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
}

/// Whether this is a hash that [`verify`] can work with.
#[must_use]
pub fn is_hash(text: &str) -> bool {
    if is_bcrypt(text) {
        return text.parse::<bcrypt::HashParts>().is_ok();
    }
    PasswordHash::new(text)
        .is_ok_and(|hash| hash.algorithm.as_str().starts_with("argon2") && hash.hash.is_some())
}

fn is_bcrypt(hash: &str) -> bool {
    ["$2y$", "$2a$", "$2b$"]
        .iter()
        .any(|prefix| hash.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_htpasswd_are_known() {
        // htpasswd -nbB -C 5 u secret
        let made = bcrypt::hash_with_salt("secret", 5, [7; 16]).unwrap();
        let hash = made.format_for_version(bcrypt::Version::TwoY);
        assert!(hash.starts_with("$2y$05$"), "{hash}");
        assert!(is_hash(&hash));
        assert!(verify(b"secret", &hash));
        assert!(!verify(b"Secret", &hash));
    }

    #[test]
    fn what_is_no_hash_verifies_nothing() {
        for text in [
            "",
            "secret",
            "$2y$",
            "$2y$05$short",
            "$argon2id$",
            "$scrypt$x",
            "{SHA}x",
            "$1$a$b",
        ] {
            assert!(!is_hash(text), "{text}");
            assert!(!verify(b"", text), "{text}");
        }
    }
}
