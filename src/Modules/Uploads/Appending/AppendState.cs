using System.Collections.Immutable;
using Platform.Storage;

namespace Uploads;

// The events of an upload-{id} stream whose file comes by appends. Its parts are ChunkStored events, in order and all of one size but the
// last; what does not fill a part yet lies in objects of its own, the tail, which TailKept names. Bytes are where an event says so: the
// offset is the end of the last part recorded, or of the tail behind it, and never asked of the store.

/// <summary>What was agreed when the upload was created.</summary>
/// <param name="Protocol">Whose requests may touch it: <see cref="Tus"/> or <see cref="Resumable"/>.</param>
/// <param name="Node">The process that may append, until another takes over.</param>
/// <param name="MaxSizeBytes">So large the file may become where its length is deferred, whatever the settings are by then.</param>
/// <param name="Metadata">tus: <c>Upload-Metadata</c>, as sent.</param>
/// <param name="Concat">tus: <c>Upload-Concat</c>, as sent.</param>
/// <param name="IsPartial">The file is a piece for a concatenation: nobody hears of it, and it goes when its time is over.</param>
/// <param name="ReprDigest">The digest the whole file must have, as in RFC 9530.</param>
/// <param name="WantReprDigest">The digest algorithm the client wants the whole file's digest in.</param>
internal sealed record AppendTerms(
    string Protocol,
    string Node = "",
    long MaxSizeBytes = 0,
    bool IsLengthDeferred = false,
    string? Metadata = null,
    string? Concat = null,
    bool IsPartial = false,
    string? ReprDigest = null,
    string? WantReprDigest = null)
{
    public const string Tus = "tus";
    public const string Resumable = "resumable";

    /// <summary>Whether the file is made from other uploads.</summary>
    public bool IsFinal => Concat is not null && !IsPartial;
}

/// <summary>
/// Another process appends from here on, or a request was given up because the store hung: whatever the one before is about to record fails, and the
/// store may have a piece that no event names.
/// </summary>
internal sealed record AppendTakenOver(string Node, DateTimeOffset TakenOverAt) : IUploadEvent;

/// <summary>Bytes behind the last whole part, kept in an object of their own. Takes the place of the pieces from its offset on.</summary>
/// <param name="OffsetBytes">In the file.</param>
internal sealed record TailKept(long OffsetBytes, long SizeBytes, uint Crc32, string Key, string ETag, DateTimeOffset KeptAt) : IUploadEvent
{
    public long EndBytes => OffsetBytes + SizeBytes;
}

/// <summary>The length that was deferred. It does not change any more.</summary>
internal sealed record LengthDeclared(long SizeBytes, DateTimeOffset DeclaredAt) : IUploadEvent;

/// <summary>All parts at once, made from the bytes of other uploads.</summary>
/// <param name="Crc32">Of the whole: the store copied the parts without anybody seeing their bytes.</param>
internal sealed record UploadsConcatenated(IReadOnlyList<StoredPart> Parts, uint Crc32, DateTimeOffset ConcatenatedAt) : IUploadEvent;

/// <summary>A piece for a concatenation is whole. No contract: no file came into being.</summary>
internal sealed record PartialCompleted(string ETag, uint Crc32, DateTimeOffset CompletedAt) : IUploadEvent;

/// <summary>The upload ends at another time than first said.</summary>
internal sealed record ExpirySet(DateTimeOffset ExpiresAt) : IUploadEvent;

/// <summary>The client is done with a complete upload: its address is gone, its file stays.</summary>
internal sealed record AddressClosed(DateTimeOffset ClosedAt) : IUploadEvent;

/// <summary>How far the appends to one upload have come.</summary>
/// <param name="OffsetBytes">So many bytes are safe. Never decreases.</param>
/// <param name="Tail">What lies behind the last whole part, by offset, without holes.</param>
/// <param name="Crc32">Of the whole file, where no part's is known.</param>
/// <param name="MayLeaveTails">Whether there can be objects of this upload that no event names.</param>
internal sealed record AppendState(
    long PartSizeBytes,
    string Node,
    bool IsLengthKnown,
    long OffsetBytes,
    ImmutableList<TailKept> Tail,
    uint? Crc32 = null,
    bool MayLeaveTails = false,
    bool IsClosed = false)
{
    public static AppendState? Evolve(AppendState? state, IUploadEvent e) => (state, e) switch
    {
        (_, UploadInitiated { Append: { } terms } session) =>
            new AppendState(session.ChunkSizeBytes, terms.Node, !terms.IsLengthDeferred, 0, []),
        (null, _) => null,
        (_, AppendTakenOver by) => state with { Node = by.Node, MayLeaveTails = true },
        (_, TailKept kept) => state with
        {
            OffsetBytes = kept.EndBytes,
            Tail = state.Tail.RemoveAll(piece => piece.OffsetBytes >= kept.OffsetBytes).Add(kept),
            MayLeaveTails = true,
        },
        (_, ChunkStored part) => state with { OffsetBytes = (part.Index * state.PartSizeBytes) + part.SizeBytes, Tail = [] },
        (_, LengthDeclared) => state with { IsLengthKnown = true },
        (_, UploadsConcatenated whole) => state with { OffsetBytes = whole.Parts.Sum(part => part.SizeBytes), Crc32 = whole.Crc32 },
        (_, AddressClosed) => state with { IsClosed = true },
        _ => state,
    };
}
