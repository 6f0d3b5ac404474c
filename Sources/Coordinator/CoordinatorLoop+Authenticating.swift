import Logging
import Wire

extension CoordinatorLoop {
    /// Between two lines in the log about strangers, who may come by the thousand. Microseconds.
    private static let refusalLogInterval: UInt64 = 1_000_000

    /// Says of those who show a key whether they are let in.
    func authenticate() throws(WireError) {
        guard let authenticator = sockets.authenticator else { return }
        while let decision = try authenticator.serve() {
            if decision.isAdmitted && decision.problem == nil { continue }
            let now = MonotonicClock.now
            guard now >= nextRefusalLog else { continue }
            nextRefusalLog = now.advanced(by: Self.refusalLogInterval)
            if let problem = decision.problem {
                logger.warning("a key is passed over", metadata: ["reason": "\(problem)"])
            }
            if !decision.isAdmitted {
                logger.warning(
                    "turned a stranger away",
                    metadata: [
                        "from": "\(decision.address)", "key": "\(decision.key?.z85 ?? "none")",
                        "refusals": "\(authenticator.refusals)",
                    ])
            }
        }
    }
}
