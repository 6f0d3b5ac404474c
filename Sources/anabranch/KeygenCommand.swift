import ArgumentParser
import Wire

struct KeygenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Make keys for a coordinator and those who may connect to it.",
        discussion: """
            Example: anabranch keygen keys
            The coordinator gets coordinator.key and the directory allowed; a worker or client gets its own .key and
            coordinator.pub. A further key, which is let in as soon as its file is there: anabranch keygen keys --name alice
            """)

    @Argument(help: "Directory of the keys; made where there is none.")
    var directory: String = "anabranch-keys"

    @Option(help: "Make one key more, of this name, for a further worker or client.")
    var name: String?

    func validate() throws {
        guard let name else { return }
        let isPlain = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
        if name.isEmpty || name.hasPrefix(".") || !isPlain || name == "coordinator" {
            throw ValidationError("--name \(name): use letters, digits, '-', '_' and '.', and not 'coordinator'")
        }
    }

    func run() throws {
        do {
            let keys = try KeyDirectory(making: directory)
            var written: [String] = []
            if let name {
                written = try keys.addPeer(name)
            } else {
                written = try keys.addCoordinator() + keys.addPeer("worker") + keys.addPeer("client")
            }
            // Names of files, never what is in them.
            for path in written { print(path) }
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure(.wrongRequest, "\(error)")
        }
    }
}
