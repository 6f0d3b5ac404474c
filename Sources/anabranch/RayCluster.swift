import Foundation

/// A Ray cluster, asked through the interpreter that will run its drivers.
enum RayCluster {
    /// How many CPUs the cluster at `HOST:PORT` has.
    ///
    /// - Throws: `CommandFailure` with what the interpreter says: no Ray, no answer within its deadline, a refusal.
    static func cpuCount(at address: String, python: String) throws -> Int {
        let process = Process()
        let output = Pipe()
        let errors = Pipe()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = ["-m", "anabranch.runtime.ray", address]
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        // Neither says more than a pipe holds.
        process.waitUntilExit()
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let count = said.split(whereSeparator: \.isNewline).last.flatMap { Int($0) }
        guard process.terminationStatus == 0, let count else {
            throw CommandFailure(.unreachable, complaint.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        guard count > 0 else {
            throw CommandFailure(
                .unreachable, "the Ray cluster at --ray-address \(address) has no CPUs: add nodes to it")
        }
        return count
    }
}
