import CProcess
import Foundation
import Wire

/// How the worker starts `python -m anabranch.runtime`.
struct RuntimeLaunch: Sendable {
    /// Looked for along PATH when it has no slash.
    var interpreter: String
    var environment: [String: String]
    /// Behind those that say which descriptors are which.
    var furtherArguments: [String] = []

    /// What the child finds at its descriptors: `socket` at 3, `progress` at 4, `output` and `errors` at 1 and 2.
    struct Descriptors {
        var socket: Int32
        var progress: Int32?
        var output: Int32
        var errors: Int32
    }

    /// Starts a process that the worker has to reap; it is among `OwnedProcesses` from its first moment.
    ///
    /// - Parameter leadsSession: it leads a session of its own, else a process group in the worker's session.
    func start(_ arguments: [String], _ descriptors: Descriptors, leadsSession: Bool) throws(WireError) -> pid_t {
        var child: pid_t = 0
        let status = OwnedProcesses.shared.withLock { owned in
            let status = Self.withPointers([interpreter, "-m", "anabranch.runtime"] + arguments + furtherArguments) {
                argv in
                Self.withPointers(environment.map { "\($0.key)=\($0.value)" }) { environment in
                    anabranch_spawn(
                        &child, interpreter, argv, environment, descriptors.socket, descriptors.progress ?? -1,
                        descriptors.output, descriptors.errors, leadsSession ? 1 : 0)
                }
            }
            if status == 0 { owned.insert(child) }
            return status
        }
        guard status == 0 else {
            throw WireError.system(operation: "start \(interpreter)", reason: String(cString: strerror(status)))
        }
        return child
    }

    /// C strings, and a null behind them.
    private static func withPointers<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let pointers = texts.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers)
    }
}
