/// Why a key file is of no use; each names the file, and none says what is in it.
public enum KeyFileError: Error, Hashable, Sendable {
    case unreadable(path: String, reason: String)
    case unwritable(path: String, reason: String)
    /// Already there: a key that is in use is not written over.
    case exists(path: String)
    /// A secret that other users of the host can read.
    case open(path: String, mode: UInt32)
    /// `what` is missing, or not 40 characters of Z85.
    case noKey(path: String, what: String)
    /// The public key is not the secret one's.
    case halvesDiffer(path: String)
}

extension KeyFileError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "key file \(path): \(reason); make keys with: anabranch keygen DIR"
        case .unwritable(let path, let reason): "key file \(path) cannot be written: \(reason)"
        case .exists(let path): "key file \(path) is there already: remove it first, or name another directory"
        case .open(let path, let mode):
            "key file \(path) has mode 0\(String(mode, radix: 8)), so that others can read the secret: chmod 600 \(path)"
        case .noKey(let path, "secret-key"):
            "key file \(path) has no secret-key of 40 characters of Z85: name the .key file, not the .pub; make keys with: "
                + "anabranch keygen DIR"
        case .noKey(let path, let what):
            "key file \(path) has no \(what) of 40 characters of Z85; make keys with: anabranch keygen DIR"
        case .halvesDiffer(let path):
            "key file \(path): its public key is not its secret key's; make keys anew with: anabranch keygen DIR"
        }
    }
}
