/// Why a connection is not served on.
enum ConnectionEnd: Error {
    /// Closed without a word: there is nobody to tell, or nothing that could be told in place.
    case cutOff
    case refused(HTTPStatus, String)

    static func tooLarge(_ limit: Int) -> ConnectionEnd {
        let error = FramingError(.bodyTooLarge(limit: limit), at: 0)
        return .refused(error.status, error.description)
    }
}
