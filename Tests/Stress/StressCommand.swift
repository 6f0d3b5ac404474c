import ArgumentParser

@main struct StressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "anabranch-stress",
        abstract: "What is tested in bulk: seeded schedules, and bytes that nobody sent.",
        subcommands: [SchedulesCommand.self, BytesCommand.self, TripCommand.self])
}
