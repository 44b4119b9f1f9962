using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Platform.Costs;
using Platform.Events;
using Platform.Storage;
using Uploads.Contracts;

namespace Uploads;

// Stream upload-{id}. These shapes are the storage format: add members, never rename or remove one.
// A chunk of the client is one part of the store's multipart upload: chunk index + 1 = part number.

/// <summary>What all events of an <c>upload-{id}</c> stream have in common.</summary>
internal interface IUploadEvent;

/// <param name="MultipartId">The store's; <see langword="null"/> for an empty file, which has no parts.</param>
/// <param name="SizeBytes">0 where the length of an appended upload is deferred, until <see cref="LengthDeclared"/>.</param>
/// <param name="ChunkSizeBytes">The size of all parts but the last, whoever cuts them: the client, or the server from what is appended.</param>
/// <param name="ExpiresAt">After it no chunk is taken. The store forgets incomplete uploads somewhat later.</param>
/// <param name="Append">Set where the file comes by appends, from its first byte to its last; <see langword="null"/> where it comes in chunks.</param>
/// <param name="GuestName">What the guest who sends it wants to be called.</param>
/// <param name="WithdrawTokenHash">SHA-256 of the token by which it can be withdrawn once it is complete; <see langword="null"/> where nobody can.</param>
/// <param name="PartsHaveChecksums">Clients send each part by a link that has its CRC-32, for the store to check.</param>
internal sealed record UploadInitiated(
    Guid UploadId,
    string Key,
    string? MultipartId,
    string FileName,
    string ContentType,
    long SizeBytes,
    long ChunkSizeBytes,
    string UserRole,
    string UserId,
    string? WeddingId,
    DateTimeOffset InitiatedAt,
    DateTimeOffset ExpiresAt,
    AppendTerms? Append = null,
    string? GuestName = null,
    string? WithdrawTokenHash = null,
    bool PartsHaveChecksums = false) : IUploadEvent
{
    /// <summary>Whom the work on it is for.</summary>
    internal UsageAccount AccountOf() => new("uploads", WeddingId);
}

/// <summary>The store acknowledged the chunk, or the part cut from what was appended. A later one of the same index takes its place.</summary>
internal sealed record ChunkStored(int Index, string ETag, long SizeBytes, uint Crc32, DateTimeOffset StoredAt) : IUploadEvent;

/// <summary>
/// Parts lie in the store that clients sent there themselves. They take the places of what was recorded of their chunks. Only the store has
/// seen their bytes: unless it has checked the CRC-32 of each, the file counts once they were read.
/// </summary>
internal sealed record PartsFound(IReadOnlyList<StoredPart> Parts, DateTimeOffset FoundAt) : IUploadEvent;

/// <summary>From here on no chunk is taken, so that the parts being completed stay as they are. A second one is a takeover.</summary>
/// <param name="Node">The process that completes: it alone talks to the store, until <see cref="Upload.CompletionLease"/> is over.</param>
internal sealed record CompletionStarted(string Node, DateTimeOffset StartedAt) : IUploadEvent;

/// <summary>The store has made the object, of bytes that are still to be read. From here on it cannot be given up.</summary>
internal sealed record UploadStored(string ETag, DateTimeOffset StoredAt) : IUploadEvent;

/// <summary>The store holds other bytes under these chunks than recorded, or none: they are missing again, and the upload is open again.</summary>
internal sealed record ChunksInvalidated(IReadOnlyList<int> Indexes, DateTimeOffset FoundAt) : IUploadEvent;

/// <param name="Reason">The code of what was wrong with the file; <see langword="null"/> where the client gave it up.</param>
internal sealed record UploadAborted(DateTimeOffset AbortedAt, string? Reason = null) : IUploadEvent;

internal sealed record UploadExpired(DateTimeOffset ExpiredAt) : IUploadEvent;

/// <summary>The store has neither the multipart upload nor the object: somebody discarded it in the bucket.</summary>
internal sealed record UploadLost(DateTimeOffset FoundAt) : IUploadEvent;

/// <summary>The parts of an aborted or expired upload, or the object of a withdrawn one, are gone from the store.</summary>
internal sealed record PartsDiscarded(DateTimeOffset DiscardedAt) : IUploadEvent;

internal enum UploadStatus
{
    Unknown,
    Open,
    Completing,
    Verifying,
    Completed,
    Aborted,
    Expired,
    Lost,
    Withdrawn,
}

/// <summary>One file on its way into storage.</summary>
internal sealed record Upload : IState<Upload, IUploadEvent>
{
    /// <summary>How long a node that died while it completed keeps the others from trying. Ample for a store's completion.</summary>
    public static readonly TimeSpan CompletionLease = TimeSpan.FromSeconds(30);

    private readonly UploadInitiated? session;

    public static string Category => "upload";

    public static Upload Initial { get; } = new();

    public UploadStatus Status { get; private init; }

    /// <summary>How it began. Only for uploads that exist.</summary>
    public UploadInitiated Session
    {
        get => session ?? throw UploadErrors.NotFound();
        private init => session = value;
    }

    public ImmutableSortedDictionary<int, ChunkStored> Chunks { get; private init; } = ImmutableSortedDictionary<int, ChunkStored>.Empty;

    /// <summary>The chunks of which only the store has seen the bytes.</summary>
    public ImmutableHashSet<int> UnseenChunks { get; private init; } = [];

    /// <summary>Those of them whose CRC-32 nobody has told.</summary>
    public ImmutableHashSet<int> UnreadChunks { get; private init; } = [];

    public CompletionStarted? Completion { get; private init; }

    /// <summary>Set where the object is there and its bytes are still to be read.</summary>
    public UploadStored? Object { get; private init; }

    public UploadCompleted? Result { get; private init; }

    /// <summary>Why it was aborted, where the client did not ask for it.</summary>
    public string? AbortReason { get; private init; }

    public bool PartsAreDiscarded { get; private init; }

    /// <summary>How far the appends have come; <see langword="null"/> where the file comes in chunks.</summary>
    public AppendState? Appended { get; private init; }

    /// <summary>Whom the work on it is for.</summary>
    [JsonIgnore]
    public UsageAccount Account => Session.AccountOf();

    public PartPlan Plan => new(Session.SizeBytes, Session.ChunkSizeBytes);

    /// <summary>The store's handle; <see langword="null"/> for an empty file.</summary>
    public MultipartUpload? Multipart => Session.MultipartId is { } id ? new(Session.Key, id) : null;

    /// <summary>Whether it is a piece of a file rather than a file.</summary>
    public bool IsPartial => Session.Append?.IsPartial is true;

    /// <summary>Of the bytes that are there.</summary>
    public uint Crc32 =>
        Appended?.Crc32 ?? Chunks.Values.Aggregate(0u, (crc32, chunk) => Platform.Storage.Crc32.Combine(crc32, chunk.Crc32, chunk.SizeBytes));

    /// <summary>What the store is to make the object from.</summary>
    [JsonIgnore]
    public IEnumerable<StoredPart> Parts => Chunks.Values.Select(chunk => new StoredPart(chunk.Index + 1, chunk.ETag, chunk.SizeBytes)
    {
        Crc32 = UnseenChunks.Contains(chunk.Index) && !UnreadChunks.Contains(chunk.Index) ? chunk.Crc32 : null,
    });

    public IEnumerable<int> MissingChunks => Enumerable.Range(0, Plan.TotalChunks).Where(index => !Chunks.ContainsKey(index));

    public static Upload Evolve(Upload state, IUploadEvent e) => EvolveUpload(state, e) with { Appended = AppendState.Evolve(state.Appended, e) };

    private static Upload EvolveUpload(Upload state, IUploadEvent e) => e switch
    {
        UploadInitiated session => state with { Status = UploadStatus.Open, Session = session },
        ChunkStored chunk => state with
        {
            Chunks = state.Chunks.SetItem(chunk.Index, chunk),
            UnseenChunks = state.UnseenChunks.Remove(chunk.Index),
            UnreadChunks = state.UnreadChunks.Remove(chunk.Index),
        },
        PartsFound found => state with
        {
            Chunks = state.Chunks.SetItems(found.Parts.ToDictionary(
                part => part.Number - 1, part => new ChunkStored(part.Number - 1, part.ETag, part.SizeBytes, part.Crc32 ?? 0, found.FoundAt))),
            UnseenChunks = state.UnseenChunks.Union(found.Parts.Select(part => part.Number - 1)),
            UnreadChunks = state.UnreadChunks
                .Except(found.Parts.Select(part => part.Number - 1))
                .Union(found.Parts.Where(part => part.Crc32 is null).Select(part => part.Number - 1)),
        },
        CompletionStarted completion => state with { Status = UploadStatus.Completing, Completion = completion },
        ChunksInvalidated chunks => state with
        {
            Status = UploadStatus.Open,
            Chunks = state.Chunks.RemoveRange(chunks.Indexes),
            UnseenChunks = state.UnseenChunks.Except(chunks.Indexes),
            UnreadChunks = state.UnreadChunks.Except(chunks.Indexes),
        },
        UploadStored stored => state with { Status = UploadStatus.Verifying, Object = stored },
        UploadCompleted result => state with { Status = UploadStatus.Completed, Result = result },
        UploadAborted aborted => state with { Status = UploadStatus.Aborted, AbortReason = aborted.Reason },
        UploadExpired => state with { Status = UploadStatus.Expired },
        UploadWithdrawn => state with { Status = UploadStatus.Withdrawn },
        UploadLost => state with { Status = UploadStatus.Lost, PartsAreDiscarded = true },
        PartsDiscarded => state with { PartsAreDiscarded = true },
        LengthDeclared length => state with { Session = state.Session with { SizeBytes = length.SizeBytes } },
        ExpirySet expiry => state with { Session = state.Session with { ExpiresAt = expiry.ExpiresAt } },
        PartialCompleted partial => state with
        {
            Status = UploadStatus.Completed,
            Result = state.CompletedAs(partial.ETag, partial.Crc32, partial.CompletedAt),
        },
        UploadsConcatenated whole => state with
        {
            Chunks = whole.Parts.ToImmutableSortedDictionary(
                part => part.Number - 1, part => new ChunkStored(part.Number - 1, part.ETag, part.SizeBytes, 0, whole.ConcatenatedAt)),
        },
        _ => state,
    };

    /// <summary>The status at an instant: an upload whose time is over is expired, recorded or not. Complete files do not expire.</summary>
    public UploadStatus StatusAt(DateTimeOffset now) => (Status is UploadStatus.Open || (Status is UploadStatus.Completed && IsPartial))
        && now >= Session.ExpiresAt
            ? UploadStatus.Expired
            : Status;

    /// <summary>What this upload has become, from what the store says of it.</summary>
    public UploadCompleted CompletedAs(string etag, uint crc32, DateTimeOffset now) => new(
        Session.UploadId, Session.WeddingId, Session.Key, Session.FileName, Session.SizeBytes, crc32, Session.ContentType, etag, now, GuestName: Session.GuestName);

    /// <exception cref="CommandRefusedException">It takes no chunks: the code says why.</exception>
    public void MustBeOpen(DateTimeOffset now)
    {
        if (StatusAt(now) is not UploadStatus.Open)
        {
            throw Refusal(now);
        }
    }

    /// <summary>An upload is touched by the requests of its own protocol only, and by none once its address is closed.</summary>
    /// <exception cref="CommandRefusedException">There is no such upload there.</exception>
    public void MustBeOf(string protocol)
    {
        if (Session.Append?.Protocol != protocol)
        {
            throw UploadErrors.NotFound();
        }

        if (Appended is { IsClosed: true })
        {
            throw UploadErrors.Gone();
        }
    }

    /// <summary>Why an upload that is not open cannot be changed.</summary>
    public CommandRefusedException Refusal(DateTimeOffset now) => StatusAt(now) switch
    {
        UploadStatus.Completing or UploadStatus.Verifying => UploadErrors.CompleteInProgress(),
        UploadStatus.Completed => new("UPLOAD_COMPLETED", "The upload is complete. Nothing more to send."),
        UploadStatus.Aborted when Appended is not null => UploadErrors.Gone(),
        UploadStatus.Aborted when AbortReason is UploadErrors.ContentTypeMismatchCode => UploadErrors.ContentTypeMismatch(Session.ContentType),
        UploadStatus.Aborted => new("UPLOAD_ABORTED", "The upload was aborted. Start a new one."),
        UploadStatus.Expired => new("UPLOAD_EXPIRED", "The upload was not completed in time. Start a new one."),
        UploadStatus.Withdrawn => new("UPLOAD_WITHDRAWN", "The file was withdrawn by who sent it, and is deleted."),
        UploadStatus.Lost => new("UPLOAD_LOST", "The store no longer has the parts of this upload. Start a new one."),
        _ => UploadErrors.NotFound(),
    };
}
