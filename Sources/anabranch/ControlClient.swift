import AnabranchCore
import Foundation
import Wire

/// One question to a coordinator and its answer.
struct ControlClient {
    /// No question waits longer for its answer. Seconds.
    static let patience = 10.0

    let address: String
    let keys: ClientKeys?

    /// - Throws: `CommandFailure` when nobody answers, or the answer is an error.
    func ask(_ body: ToCoordinator.Body) throws -> FromCoordinator.Body {
        do {
            let connection = try ControlConnection(address, keys: keys)
            let hello = ClientHello(versions: Versions(anabranch: AnabranchCommand.version), name: "anabranch")
            _ = try connection.ask(.clientHello(hello), within: Self.patience, isRepeatable: true)
            if let answer = try connection.ask(body, within: Self.patience) { return answer }
        } catch let error as WireError {
            throw CommandFailure(.unreachable, "\(error)")
        } catch ConnectionFailure.refused(_, let error) {
            throw CommandFailure(.wrongRequest, error.message)
        } catch let failure as ConnectionFailure {
            throw CommandFailure(.unreachable, "\(failure)")
        }
        throw CommandFailure(.unreachable, "the coordinator at \(address) was not asked")
    }
}
