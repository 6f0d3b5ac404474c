/// Says who is let in to the CURVE sockets of its context (ZAP, RFC 27): peers whose public key is in a directory.
///
/// libzmq asks it before anything that a peer sends reaches a socket. Bind it before those sockets, and close it after them:
/// where nobody can be asked, libzmq lets everybody in. Used by one thread at a time.
public final class Authenticator {
    /// To be watched for reading.
    public let requests: Socket
    private var allowed: AllowedKeys
    /// Peers that were turned away.
    public private(set) var refusals: UInt64 = 0

    private static let endpoint = "inproc://zeromq.zap.01"
    private static let version = Array("1.0".utf8)
    /// More frames than a request has.
    private static let frameLimit = 16

    public init(_ context: ZMQContext, allowed: AllowedKeys) throws(WireError) {
        self.allowed = allowed
        requests = try Socket(context, .rep)
        try requests.bind(Self.endpoint)
    }

    /// What became of one request.
    public struct Decision: Sendable {
        public let isAdmitted: Bool
        /// Of the peer, as libzmq has it; empty when it told none.
        public let address: String
        /// Nil when what was shown is no key.
        public let key: PublicKey?
        /// A file of the directory that could not be read.
        public let problem: KeyFileError?
    }

    /// Answers the next request.
    ///
    /// - Returns: nil when there is none.
    public func serve() throws(WireError) -> Decision? {
        // Version, request, domain, address, identity, mechanism, then the credentials: a CURVE key.
        guard let frames = try requests.receiveFrames(limit: Self.frameLimit) else { return nil }
        var problem: KeyFileError?
        do throws(KeyFileError) {
            try allowed.refresh()
        } catch {
            problem = error
        }
        let isCurve = frames.count == 7 && frames[0] == Self.version && frames[5] == Array("CURVE".utf8)
        let key = isCurve ? PublicKey(frames[6]) : nil
        let isAdmitted = key.map(allowed.contains) ?? false
        if !isAdmitted { refusals += 1 }
        try requests.send([
            Self.version, frames.count > 1 ? frames[1] : [], Array((isAdmitted ? "200" : "400").utf8),
            Array((isAdmitted ? "OK" : "this key is not let in").utf8), Array((key?.z85 ?? "").utf8), [],
        ])
        let address = frames.count > 3 ? String(decoding: frames[3], as: UTF8.self) : ""
        return Decision(isAdmitted: isAdmitted, address: address, key: key, problem: problem)
    }
}
