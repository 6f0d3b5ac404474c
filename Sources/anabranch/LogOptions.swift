import ArgumentParser
import Logging
import Presentation

enum LogFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}

enum LogLevel: String, ExpressibleByArgument, CaseIterable {
    case debug, info, warning, error
}

/// What a standing process writes to its standard error, and how.
struct LogOptions: ParsableArguments {
    @Option(help: "Lines on standard error: text, or json, one object per line.")
    var logFormat: LogFormat = .text

    @Option(help: "The least that is worth a line: debug, info, warning, error.")
    var logLevel: LogLevel = .info

    /// Once per process, before the first logger.
    func makeLogger(_ label: String) -> Logger {
        switch logFormat {
        case .text: LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        case .json: LoggingSystem.bootstrap { JSONLogHandler(label: $0) }
        }
        var logger = Logger(label: label)
        logger.logLevel = Logger.Level(rawValue: logLevel.rawValue) ?? .info
        return logger
    }
}
