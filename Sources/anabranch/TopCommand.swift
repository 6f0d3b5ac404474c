import AnabranchCore
import ArgumentParser
import Foundation
import PipelineGraph
import Presentation
import Wire

struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Watch a standing cluster: workers, queue, rates, store, runs.",
        discussion: """
            Redraws on a terminal until q; elsewhere it prints a snapshot per interval.
            Example: anabranch top --address tcp://127.0.0.1:7700
            """)

    @OptionGroup var coordinator: AddressOptions

    @Option(help: "Seconds from one look to the next.")
    var interval: Double = 1

    @Flag(help: "Print one snapshot and end. It takes an interval, for the rates.")
    var once = false

    @Flag(help: "Print each snapshot as one JSON document on a line of its own.")
    var json = false

    func validate() throws {
        if !(0.05...86_400).contains(interval) {
            throw ValidationError("--interval \(interval): 0.05 to 86400 seconds are possible")
        }
    }

    func run() throws {
        let client = try coordinator.client()
        let interruption = try Interruption()
        defer { interruption.cancel() }
        if !once, !json, let terminal = Terminal() {
            try watch(client, on: terminal, interruption)
        } else {
            try printSnapshots(client, interruption)
        }
        if let status = interruption.status, status != 0 { Foundation.exit(status) }
    }

    private func printSnapshots(_ client: ControlClient, _ interruption: Interruption) throws {
        var rates = Rates()
        var isFirst = true
        while let report = try look(client, &rates, interruption) {
            // The first has no rates yet.
            if !(once && isFirst) {
                let text =
                    json
                    ? try report.json(onOneLine: true)
                    : TopScreen(report, address: client.address).lines.joined(separator: "\n") + "\n"
                // Not print: a pipe or a file would get it later.
                FileHandle.standardOutput.write(Foundation.Data("\(text)\n".utf8))
                if once { return }
            }
            isFirst = false
            if try !interruption.pause(seconds: interval) { return }
        }
    }

    private func watch(_ client: ControlClient, on terminal: Terminal, _ interruption: Interruption) throws {
        var rates = Rates()
        guard var report = try look(client, &rates, interruption) else { return }
        interruption.watchKeys()
        terminal.begin()
        defer { terminal.end() }
        var trouble: String?
        while interruption.status == nil {
            let size = terminal.size
            terminal.draw(
                TopScreen(report, address: client.address, trouble: trouble).lines(
                    columns: size.columns, rows: size.rows))
            // A new size is drawn at once, with what is known.
            if try !interruption.pause(seconds: interval) { continue }
            do throws(CommandFailure) {
                guard let news = try look(client, &rates, interruption) else { continue }
                (report, trouble) = (news, nil)
            } catch {
                trouble = error.message
            }
        }
    }

    /// Nil when it was interrupted.
    private func look(
        _ client: ControlClient, _ rates: inout Rates, _ interruption: Interruption
    ) throws(CommandFailure) -> StatusReport? {
        do {
            guard let answer = try client.ask(.status(nil), interruption: interruption.descriptor) else { return nil }
            guard case .status(let status) = answer else {
                throw CommandFailure(.wrongRequest, "the coordinator answered something else than its status")
            }
            return rates.report(
                status, atSeconds: ProcessInfo.processInfo.systemUptime,
                time: Date().formatted(.iso8601))
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure(.unreachable, "\(error)")
        }
    }
}
