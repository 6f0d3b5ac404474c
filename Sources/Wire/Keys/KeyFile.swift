import Foundation

/// A key on disk, in the format of CZMQ's and pyzmq's certificates: a section `curve` with `public-key` and, in the
/// owner's own file, `secret-key`, each in Z85 between quotes.
public enum KeyFile {
    /// No certificate is longer. Bytes.
    private static let largest = 65_536

    /// - Throws: `KeyFileError`, naming the file: not readable, no key in it, or readable by others than its owner.
    public static func readPair(_ path: String) throws(KeyFileError) -> KeyPair {
        let (text, mode) = try read(path)
        guard let secretText = value(of: "secret-key", in: text), let secretKey = SecretKey(z85: secretText) else {
            throw .noKey(path: path, what: "secret-key")
        }
        // After the above: a public key's mode is as it should be, it is only not what was to be named.
        if mode & 0o077 != 0 { throw .open(path: path, mode: mode & 0o777) }
        let pair = KeyPair(publicKey: try publicKey(in: text, path), secretKey: secretKey)
        guard pair.isSound else { throw .halvesDiffer(path: path) }
        return pair
    }

    /// - Throws: `KeyFileError`, naming the file: not readable, or no key in it.
    public static func readPublic(_ path: String) throws(KeyFileError) -> PublicKey {
        try publicKey(in: try read(path).text, path)
    }

    /// Writes a pair, mode 0600. An existing file stays as it is.
    ///
    /// - Throws: `KeyFileError` when the file is there already or cannot be written.
    public static func write(_ pair: KeyPair, to path: String) throws(KeyFileError) {
        let text = """
            # A secret of anabranch: who has this file is let in. Made by `anabranch keygen`.
            metadata
            curve
                public-key = "\(pair.publicKey.z85)"
                secret-key = "\(pair.secretKey.z85)"

            """
        try write(text, to: path, mode: 0o600)
    }

    /// Writes a public key, mode 0644. An existing file stays as it is.
    ///
    /// - Throws: `KeyFileError` when the file is there already or cannot be written.
    public static func write(_ key: PublicKey, to path: String) throws(KeyFileError) {
        let text = """
            # A public key of anabranch; no secret. Made by `anabranch keygen`.
            metadata
            curve
                public-key = "\(key.z85)"

            """
        try write(text, to: path, mode: 0o644)
    }

    private static func write(_ text: String, to path: String, mode: mode_t) throws(KeyFileError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else {
            throw errno == EEXIST
                ? .exists(path: path) : .unwritable(path: path, reason: String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        var rest = Array(text.utf8)[...]
        // The mode that was asked for, whatever the process's mask takes away.
        guard fchmod(descriptor, mode) == 0 else {
            throw .unwritable(path: path, reason: String(cString: strerror(errno)))
        }
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw .unwritable(path: path, reason: String(cString: strerror(errno)))
            }
            rest = rest.dropFirst(count)
        }
    }

    private static func read(_ path: String) throws(KeyFileError) -> (text: String, mode: mode_t) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(path: path, reason: "it is no file")
        }
        var bytes = [UInt8](repeating: 0, count: largest)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
        return (String(decoding: bytes.prefix(count), as: UTF8.self), facts.st_mode)
    }

    private static func publicKey(in text: String, _ path: String) throws(KeyFileError) -> PublicKey {
        guard let text = value(of: "public-key", in: text), let key = PublicKey(z85: text) else {
            throw .noKey(path: path, what: "public-key")
        }
        return key
    }

    private static func value(of name: String, in text: String) -> String? {
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            // Z85 has `#` and `=` in its alphabet: the value is what stands between the quotes.
            guard parts.count == 2, parts[0] == name, parts[1].count >= 2, parts[1].first == "\"",
                parts[1].last == "\""
            else { continue }
            return String(parts[1].dropFirst().dropLast())
        }
        return nil
    }
}
