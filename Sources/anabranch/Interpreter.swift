import Foundation

/// The Python that client-side commands and workers' runtimes use.
enum Interpreter {
    /// `--python`; the active virtual environment's; the `.venv` beside a checkout's `.build`; `python3` on PATH.
    static func resolve(_ chosen: String?) throws -> String {
        if let chosen {
            guard let path = executable(chosen) else {
                throw CommandFailure(.wrongRequest, "--python \(chosen): no such executable")
            }
            return path
        }
        let environment = ProcessInfo.processInfo.environment
        var places: [String] = []
        if let virtual = environment["VIRTUAL_ENV"] { places.append(virtual + "/bin/python") }
        let binary = URL(fileURLWithPath: ownPath)
        for depth in 2...4 {
            var folder = binary
            for _ in 0..<depth { folder.deleteLastPathComponent() }
            places.append(folder.appendingPathComponent(".venv/bin/python").path)
        }
        for place in places where FileManager.default.isExecutableFile(atPath: place) { return place }
        guard let found = executable("python3") else {
            throw CommandFailure(
                .wrongRequest, "no Python found: name an interpreter that has anabranch installed with --python")
        }
        return found
    }

    /// This program's own file.
    static var ownPath: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }

    private static func executable(_ name: String) -> String? {
        if name.contains("/") { return FileManager.default.isExecutableFile(atPath: name) ? name : nil }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        return path.split(separator: ":").map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
