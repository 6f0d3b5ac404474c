import ArgumentParser
import Foundation

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look at versions, /dev/shm, interpreters and limits; say what would fail, and how to mend it.",
        discussion: "Example: anabranch doctor --python .venv/bin/python --json")

    @Option(help: "The interpreter to look at.")
    var python: String?

    @Option(help: "Where stores are made.")
    var storeRoot: String = "/dev/shm"

    @Flag(help: "Print one JSON document on standard output, and nothing else there.")
    var json = false

    func run() throws {
        let findings = Diagnosis(python: python, storeRoot: storeRoot).findings()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(findings), as: UTF8.self))
        } else {
            for finding in findings {
                print("\(finding.verdict.mark) \(finding.subject): \(finding.observed)")
                if let remedy = finding.remedy { print("    -> \(remedy)") }
            }
        }
        if findings.contains(where: { $0.verdict == .fails }) { throw ExitCode(1) }
    }
}
