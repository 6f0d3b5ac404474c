import AnabranchCore
import Foundation
import Wire

/// Questions to a coordinator and their answers, over one connection. Used by one thread at a time.
final class ControlClient {
    /// No question waits longer for its answer. Seconds.
    static let patience = 10.0

    let address: String
    private let connection: ControlConnection
    private var isWelcomed = false

    /// - Throws: `CommandFailure` when the address is none.
    init(address: String, keys: ClientKeys?) throws {
        self.address = address
        do {
            connection = try ControlConnection(address, keys: keys)
        } catch {
            throw CommandFailure(.unreachable, "\(error)")
        }
    }

    /// - Parameter interruption: A descriptor; when it is readable, the waiting ends.
    /// - Returns: Nil when it was interrupted.
    /// - Throws: `CommandFailure` when nobody answers, or the answer is an error.
    func ask(_ body: ToCoordinator.Body, interruption: Int32? = nil) throws -> FromCoordinator.Body? {
        do {
            return try answer(to: body, interruption)
        } catch ConnectionFailure.refused(_, let error) where error.code == .notWelcomed {
            // Another coordinator stands there by now.
            isWelcomed = false
            return try told { try answer(to: body, interruption) }
        } catch {
            return try told { throw error }
        }
    }

    private func answer(to body: ToCoordinator.Body, _ interruption: Int32?) throws -> FromCoordinator.Body? {
        if !isWelcomed {
            let hello = ClientHello(versions: Versions(anabranch: AnabranchCommand.version), name: "anabranch")
            guard
                try connection.ask(
                    .clientHello(hello), within: Self.patience, isRepeatable: true,
                    interruptions: interruption.map { [$0] } ?? []) != nil
            else { return nil }
            isWelcomed = true
        }
        return try connection.ask(body, within: Self.patience, interruptions: interruption.map { [$0] } ?? [])
    }

    /// Says what a command ends with.
    private func told<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as WireError {
            throw CommandFailure(.unreachable, "\(error)")
        } catch let failure as ConnectionFailure where failure.isOfAnotherVersion {
            throw CommandFailure(.unreachable, "\(failure)")
        } catch ConnectionFailure.refused(_, let error) {
            throw CommandFailure(.wrongRequest, error.message)
        } catch let failure as ConnectionFailure {
            throw CommandFailure(.unreachable, "\(failure)")
        }
    }
}

extension ConnectionFailure {
    fileprivate var isOfAnotherVersion: Bool {
        if case .refused(_, let error) = self { error.code == .versionMismatch } else { false }
    }
}
