using System.Collections.Immutable;
using Platform.Events;
using Platform.Storage;
using Uploads.Contracts;

namespace Uploads;

// Stream upload-{id}. These shapes are the storage format: add members, never rename or remove one.
// A chunk of the client is one part of the store's multipart upload: chunk index + 1 = part number.

/// <summary>What all events of an <c>upload-{id}</c> stream have in common.</summary>
internal interface IUploadEvent;

/// <param name="MultipartId">The store's; <see langword="null"/> for an empty file, which has no parts.</param>
/// <param name="ExpiresAt">After it no chunk is taken. The store forgets incomplete uploads somewhat later.</param>
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
    DateTimeOffset ExpiresAt) : IUploadEvent;

/// <summary>The store acknowledged the chunk. A later one of the same index takes its place.</summary>
internal sealed record ChunkStored(int Index, string ETag, long SizeBytes, uint Crc32, DateTimeOffset StoredAt) : IUploadEvent;

/// <summary>From here on no chunk is taken, so that the parts being completed stay as they are. A second one is a takeover.</summary>
/// <param name="Node">The process that completes: it alone talks to the store, until <see cref="Upload.CompletionLease"/> is over.</param>
internal sealed record CompletionStarted(string Node, DateTimeOffset StartedAt) : IUploadEvent;

/// <summary>The store holds other bytes under these chunks than recorded, or none: they are missing again, and the upload is open again.</summary>
internal sealed record ChunksInvalidated(IReadOnlyList<int> Indexes, DateTimeOffset FoundAt) : IUploadEvent;

/// <param name="Reason">The code of what was wrong with the file; <see langword="null"/> where the client gave it up.</param>
internal sealed record UploadAborted(DateTimeOffset AbortedAt, string? Reason = null) : IUploadEvent;

internal sealed record UploadExpired(DateTimeOffset ExpiredAt) : IUploadEvent;

/// <summary>The store has neither the multipart upload nor the object: somebody discarded it in the bucket.</summary>
internal sealed record UploadLost(DateTimeOffset FoundAt) : IUploadEvent;

/// <summary>The parts of an aborted or expired upload are gone from the store.</summary>
internal sealed record PartsDiscarded(DateTimeOffset DiscardedAt) : IUploadEvent;

internal enum UploadStatus
{
    Unknown,
    Open,
    Completing,
    Completed,
    Aborted,
    Expired,
    Lost,
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

    public CompletionStarted? Completion { get; private init; }

    public UploadCompleted? Result { get; private init; }

    /// <summary>Why it was aborted, where the client did not ask for it.</summary>
    public string? AbortReason { get; private init; }

    public bool PartsAreDiscarded { get; private init; }

    public PartPlan Plan => new(Session.SizeBytes, Session.ChunkSizeBytes);

    /// <summary>The store's handle; <see langword="null"/> for an empty file.</summary>
    public MultipartUpload? Multipart => Session.MultipartId is { } id ? new(Session.Key, id) : null;

    public IEnumerable<int> MissingChunks => Enumerable.Range(0, Plan.TotalChunks).Where(index => !Chunks.ContainsKey(index));

    public static Upload Evolve(Upload state, IUploadEvent e) => e switch
    {
        UploadInitiated session => state with { Status = UploadStatus.Open, Session = session },
        ChunkStored chunk => state with { Chunks = state.Chunks.SetItem(chunk.Index, chunk) },
        CompletionStarted completion => state with { Status = UploadStatus.Completing, Completion = completion },
        ChunksInvalidated chunks => state with { Status = UploadStatus.Open, Chunks = state.Chunks.RemoveRange(chunks.Indexes) },
        UploadCompleted result => state with { Status = UploadStatus.Completed, Result = result },
        UploadAborted aborted => state with { Status = UploadStatus.Aborted, AbortReason = aborted.Reason },
        UploadExpired => state with { Status = UploadStatus.Expired },
        UploadLost => state with { Status = UploadStatus.Lost, PartsAreDiscarded = true },
        PartsDiscarded => state with { PartsAreDiscarded = true },
        _ => state,
    };

    /// <summary>The status at an instant: an open upload is expired as soon as its time is over, recorded or not.</summary>
    public UploadStatus StatusAt(DateTimeOffset now) =>
        Status is UploadStatus.Open && now >= Session.ExpiresAt ? UploadStatus.Expired : Status;

    /// <exception cref="CommandRefusedException">It takes no chunks: the code says why.</exception>
    public void MustBeOpen(DateTimeOffset now)
    {
        if (StatusAt(now) is not UploadStatus.Open)
        {
            throw Refusal(now);
        }
    }

    /// <summary>Why an upload that is not open cannot be changed.</summary>
    public CommandRefusedException Refusal(DateTimeOffset now) => StatusAt(now) switch
    {
        UploadStatus.Completing => UploadErrors.CompleteInProgress(),
        UploadStatus.Completed => new("UPLOAD_COMPLETED", "The upload is complete. Nothing more to send."),
        UploadStatus.Aborted when AbortReason is UploadErrors.ContentTypeMismatchCode => UploadErrors.ContentTypeMismatch(Session.ContentType),
        UploadStatus.Aborted => new("UPLOAD_ABORTED", "The upload was aborted. Start a new one."),
        UploadStatus.Expired => new("UPLOAD_EXPIRED", "The upload was not completed in time. Start a new one."),
        UploadStatus.Lost => new("UPLOAD_LOST", "The store no longer has the parts of this upload. Start a new one."),
        _ => UploadErrors.NotFound(),
    };
}
