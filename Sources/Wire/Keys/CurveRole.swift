/// What a socket is in CURVE's handshake, whichever end bound it: the server is known to its clients, and asks who they are.
public enum CurveRole: Sendable {
    /// Whoever an `Authenticator` of the same context lets in may connect.
    case server(KeyPair)
    /// Connects with its own key to the one server that has the other key.
    case client(KeyPair, server: PublicKey)
}
