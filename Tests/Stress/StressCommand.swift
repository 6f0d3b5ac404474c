import ArgumentParser

@main struct StressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "anabranch-stress",
        abstract: "What is tested in bulk: seeded schedules, bytes that nobody sent, and crowds of workers.",
        subcommands: [SchedulesCommand.self, BytesCommand.self, CrowdCommand.self, TripCommand.self])
}
