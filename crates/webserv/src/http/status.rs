//! What can be wrong with a request, and the one function that maps it to a status code.

use std::fmt;

use ::http::StatusCode;

/// Why a request cannot be answered as it stands.
///
/// After a fault the end of the message is unknown or unwanted, so the connection closes behind
/// the error answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// More than one empty line before the request line (RFC 9112 section 2.2).
    EmptyLine,
    /// LF without CR before it. This server takes no bare LF anywhere in a head.
    BareLineFeed,
    /// CR without LF after it (RFC 9112 section 2.2).
    BareCarriageReturn,
    /// Not `method SP request-target SP HTTP-version` (RFC 9112 section 3).
    RequestLine,
    /// The method is not a token (RFC 9110 section 9.1).
    Method,
    /// Not of the form `HTTP/1.1` (RFC 9112 section 2.3).
    VersionForm,
    /// A major version other than 1 (RFC 9110 section 15.6.6).
    VersionUnsupported,
    /// The request line is longer than the limit (RFC 9110 section 15.5.15).
    TargetTooLong,
    /// The target has no form that fits its method (RFC 9112 section 3.2).
    TargetForm,
    /// A byte in the target that RFC 3986 does not allow there.
    TargetCharacter,
    /// `%` without two hexadecimal digits (RFC 3986 section 2.1).
    PercentEncoding,
    /// A percent-encoded NUL or slash, which no file name can hold.
    EncodedSeparator,
    /// `..` beyond the root.
    ClimbsAboveRoot,
    /// A host or port that is not one (RFC 3986 section 3.2).
    Authority,
    /// A target of another scheme or server (RFC 9110 section 15.5.20).
    Misdirected,
    /// A malformed field line (RFC 9112 section 5).
    FieldLine,
    /// The field section is larger than the limit, or has too many lines (RFC 6585 section 5).
    FieldSectionTooLarge,
    /// HTTP/1.1 without Host (RFC 9112 section 3.2).
    HostMissing,
    /// Host more than once.
    HostRepeated,
    /// Content-Length is not one number (RFC 9112 section 6.3).
    ContentLength,
    /// Content-Length beside Transfer-Encoding, a known way to smuggle requests.
    LengthAndCoding,
    /// Transfer-Encoding that is malformed, or in HTTP/1.0 (RFC 9112 section 6.1).
    TransferEncoding,
    /// A transfer coding that this server does not know.
    TransferCodingUnknown,
    /// The content is larger than the limit (RFC 9110 section 15.5.14).
    ContentTooLarge,
    /// The client ended the connection within the content.
    ContentCut,
    /// An expectation other than 100-continue (RFC 9110 section 10.1.1).
    Expectation,
    /// A malformed chunk (RFC 9112 section 7.1).
    Chunk,
    /// Chunk extensions beyond the limit.
    ChunkExtensionTooLarge,
    /// A trailer section beyond the limit.
    TrailerSectionTooLarge,
    /// A malformed form (RFC 7578).
    Multipart,
    /// A form with too many parts, or with a head of a part beyond the limit.
    MultipartTooLarge,
    /// The head or the content did not arrive in time (RFC 9110 section 15.5.9).
    Timeout,
}

impl Fault {
    /// The status code of the error answer.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Fault::VersionUnsupported => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Fault::TargetTooLong => StatusCode::URI_TOO_LONG,
            Fault::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Fault::FieldSectionTooLarge | Fault::TrailerSectionTooLarge => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Fault::TransferCodingUnknown => StatusCode::NOT_IMPLEMENTED,
            Fault::ContentTooLarge | Fault::ChunkExtensionTooLarge | Fault::MultipartTooLarge => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Fault::Expectation => StatusCode::EXPECTATION_FAILED,
            Fault::Timeout => StatusCode::REQUEST_TIMEOUT,
            Fault::EmptyLine
            | Fault::BareLineFeed
            | Fault::BareCarriageReturn
            | Fault::RequestLine
            | Fault::Method
            | Fault::VersionForm
            | Fault::TargetForm
            | Fault::TargetCharacter
            | Fault::PercentEncoding
            | Fault::EncodedSeparator
            | Fault::ClimbsAboveRoot
            | Fault::Authority
            | Fault::FieldLine
            | Fault::HostMissing
            | Fault::HostRepeated
            | Fault::ContentLength
            | Fault::LengthAndCoding
            | Fault::TransferEncoding
            | Fault::ContentCut
            | Fault::Chunk
            | Fault::Multipart => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Fault::EmptyLine => "empty lines instead of a request line",
            Fault::BareLineFeed => "a line ends in LF without CR",
            Fault::BareCarriageReturn => "a line holds CR without LF",
            Fault::RequestLine => "the request line is malformed",
            Fault::Method => "the method is not a token",
            Fault::VersionForm => "the protocol version is malformed",
            Fault::VersionUnsupported => "the protocol version is not HTTP/1",
            Fault::TargetTooLong => "the request target is too long",
            Fault::TargetForm => "the request target has no form that fits the method",
            Fault::TargetCharacter => "the request target holds a character that must be encoded",
            Fault::PercentEncoding => "the request target holds a malformed percent-encoding",
            Fault::EncodedSeparator => "the request target holds an encoded slash or NUL",
            Fault::ClimbsAboveRoot => "the request target climbs above the root",
            Fault::Authority => "the host is malformed",
            Fault::Misdirected => "the request target names another scheme",
            Fault::FieldLine => "a field line is malformed",
            Fault::FieldSectionTooLarge => "the field section is too large",
            Fault::HostMissing => "the Host field is missing",
            Fault::HostRepeated => "the Host field is repeated",
            Fault::ContentLength => "Content-Length is malformed or repeated",
            Fault::LengthAndCoding => "Content-Length and Transfer-Encoding exclude each other",
            Fault::TransferEncoding => "Transfer-Encoding is malformed",
            Fault::TransferCodingUnknown => "the transfer coding is not implemented",
            Fault::ContentTooLarge => "the content is too large",
            Fault::ContentCut => "the content ended early",
            Fault::Expectation => "the expectation cannot be met",
            Fault::Chunk => "a chunk is malformed",
            Fault::ChunkExtensionTooLarge => "the chunk extensions are too large",
            Fault::TrailerSectionTooLarge => "the trailer section is too large",
            Fault::Multipart => "the form is malformed",
            Fault::MultipartTooLarge => "the form has too many or too large parts",
            Fault::Timeout => "the request did not arrive in time",
        })
    }
}

impl std::error::Error for Fault {}
