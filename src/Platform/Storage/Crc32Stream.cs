namespace Platform.Storage;

/// <summary>
/// A body whose CRC-32 is known once it was read to its end. Stores that need a checksum of a part take it from here rather than
/// computing it again.
/// </summary>
public abstract class Crc32Stream : ReadOnlyStream
{
    /// <summary>CRC-32 (ISO-HDLC, as in ZIP and PNG) of all bytes read so far.</summary>
    public abstract uint Crc32 { get; }
}
