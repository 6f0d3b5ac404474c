import ArgumentParser
import Foundation

struct BytesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bytes", abstract: "Send damaged messages to what stands behind each socket, beside honest work.")

    @Option(help: "Messages to each socket.") var count = 1_000_000
    @Option(help: "Seed.") var seed: UInt64 = 1
    @Option(help: "Sockets, apart by commas: control, inbox, lane, runtime, client, events, tensor (in the store).")
    var sockets = "all"
    @Option(help: "Directory of sound messages.") var corpus = "Tests/WireTests/Golden"
    @Option(help: "MiB by which the program may grow after the first tenth.") var growth = 64
    @Option(help: "Go on with further seeds for so many hours.") var hours = 0.0

    func validate() throws {
        guard count > 0 else { throw ValidationError("--count must be at least 1") }
        for name in sockets.split(separator: ",")
        where sockets != "all" && ByteBulk.Socket(rawValue: String(name)) == nil {
            throw ValidationError("there is no socket '\(name)'")
        }
    }

    func run() throws {
        let chosen = ByteBulk.Socket.allCases.filter {
            sockets == "all" || sockets.split(separator: ",").contains(Substring($0.rawValue))
        }
        let corpus = try Corpus(directory: corpus)
        let end = Date(timeIntervalSinceNow: hours * 3_600)
        var failed = ByteBulk(seed: seed, count: max(count / 10, 1), corpus: corpus).run(chosen).contains {
            $0.failure != nil
        }
        let before = Self.residentBytes
        var next = seed
        repeat {
            print("seed \(next)")
            for outcome in ByteBulk(seed: next, count: count, corpus: corpus).run(chosen) {
                print("\(outcome.socket): \(outcome.messages) messages, \(outcome.understood) of them read")
                if let failure = outcome.failure {
                    failed = true
                    print("FAILED \(outcome.socket): \(failure)")
                }
            }
            next += 1
        } while Date() < end && !failed
        let grown = (Self.residentBytes - before) >> 20
        print("resident memory: \(before >> 20) MiB before, \(grown) MiB more after")
        if grown > growth {
            print("FAILED: over --growth \(growth) MiB")
            failed = true
        }
        if failed { throw ExitCode.failure }
    }

    /// Of this process, now.
    private static var residentBytes: Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE)) : 0
    }
}
