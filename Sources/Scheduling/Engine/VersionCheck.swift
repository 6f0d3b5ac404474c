import AnabranchCore

/// Which differences of versions would fail later, and silently: those are refused at the first word.
enum VersionCheck {
    /// Nil when a peer may talk to a coordinator.
    static func refusal(of peer: Versions, _ what: String, by coordinator: Versions) -> String? {
        if peer.protocolVersion != coordinator.protocolVersion {
            return
                "the \(what) speaks protocol \(peer.protocolVersion), the coordinator \(coordinator.protocolVersion); "
                + "install the same version of anabranch on both sides"
        }
        if peer.anabranch != coordinator.anabranch {
            return "the \(what) is anabranch \(peer.anabranch), the coordinator \(coordinator.anabranch); "
                + "install the same version on both sides"
        }
        return nil
    }

    /// Nil when what one pickles the other can unpickle. A text that is empty on a side is not compared.
    static func mismatch(_ left: Versions, _ leftName: String, _ right: Versions, _ rightName: String) -> String? {
        let parts: [(String, String, String, Int)] = [
            ("Python", left.python, right.python, 2),
            ("numpy", left.numpy, right.numpy, 1),
            ("scikit-learn", left.scikitLearn, right.scikitLearn, 2),
            ("cloudpickle", left.cloudpickle, right.cloudpickle, 1),
        ]
        for (name, one, other, digits) in parts
        where !one.isEmpty && !other.isEmpty && beginning(one, digits) != beginning(other, digits) {
            return
                "\(leftName) has \(name) \(one), \(rightName) has \(name) \(other), and neither can read what the other "
                + "pickles; install the same version on both sides"
        }
        return nil
    }

    private static func beginning(_ version: String, _ digits: Int) -> [Substring] {
        Array(version.split(separator: ".").prefix(digits))
    }
}
