using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Platform.Costs;
using Platform.Events;
using Platform.Settings;
using Platform.Storage;

namespace Uploads;

// The shapes of Uppy's @uppy/aws-s3 (6.x and before, "Companion"): member names are S3's.

/// <param name="Metadata">
/// <c>sizeBytes</c>, <c>userRole</c>, <c>userId</c>, and if wanted <c>weddingId</c> and <c>chunkSizeBytes</c>: text or numbers. Uppy puts a file's
/// <c>meta</c> here. Whatever else it has is ignored. <c>partChecksums: "crc32"</c>: links are asked for with the CRC-32 of their part.
/// </param>
internal sealed record CreateMultipart(string? Filename, string? Type, IReadOnlyDictionary<string, JsonElement>? Metadata);

internal sealed record CreatedMultipart(Guid UploadId, string Key, long ChunkSizeBytes, int TotalChunks, DateTimeOffset ExpiresAt);

/// <param name="Url">Takes exactly this part by PUT, without further authorisation.</param>
/// <param name="Headers">To be sent along.</param>
internal sealed record SignedPart(string Url, string Method, IReadOnlyDictionary<string, string> Headers, DateTimeOffset ExpiresAt);

internal sealed record SignedParts(IReadOnlyDictionary<int, string> PresignedUrls, DateTimeOffset ExpiresAt);

internal sealed record MultipartPart(
    [property: JsonPropertyName("PartNumber")] int PartNumber,
    [property: JsonPropertyName("ETag")] string? ETag,
    [property: JsonPropertyName("Size")] long Size = 0);

internal sealed record CompleteMultipart(IReadOnlyList<MultipartPart?>? Parts);

/// <param name="Status"><c>completed</c>, or <c>verifying</c> while the file's bytes are read once in the background.</param>
internal sealed record CompletedMultipart(string Location, string Key, Guid UploadId, long SizeBytes, string Status);

/// <summary>
/// Lets clients send parts to the store themselves, past this product, by links that each take one part of one size. An upload is as any other
/// one: parts that came this way and chunks that came the other may be mixed.
/// </summary>
internal sealed class DirectUploads(
    EventStore events,
    IObjectStorage storage,
    InitiateUploadHandler initiate,
    CompleteUploadHandler completion,
    UploadsAtWork atWork,
    LiveSettings<UploadSettings> settings,
    UsageLedger usage,
    TimeProvider clock)
{
    /// <summary>Ample for one part over a bad connection; a client that is late asks for another link.</summary>
    private static readonly TimeSpan LinkLifetime = TimeSpan.FromHours(1);

    public static InitiateUpload Describe(CreateMultipart command)
    {
        var size = NumberIn(command, "sizeBytes");
        return new InitiateUpload(
            command.Filename,
            command.Type,
            size,
            TextIn(command, "userRole"),
            TextIn(command, "userId"),
            TextIn(command, "weddingId"),

            // Uppy's own rule, where its getChunkSize is not set.
            NumberIn(command, "chunkSizeBytes") ?? Math.Max(PartPlan.MinPartSizeBytes, ((size ?? 0) + PartPlan.MaxParts - 1) / PartPlan.MaxParts));
    }

    /// <summary>Whether the links to parts are to have their CRC-32.</summary>
    public static bool HasChecksums(CreateMultipart command) => TextIn(command, "partChecksums") switch
    {
        null => false,
        "crc32" => true,
        _ => throw new CommandRefusedException("INVALID_CHECKSUM", "partChecksums can be: crc32."),
    };

    public Task<UploadInitiated> CreateAsync(InitiateUpload file, bool hasChecksums, bool isProxied, CancellationToken cancellationToken)
    {
        var session = InitiateUploadHandler.Plan(file, Guid.CreateVersion7(), settings.Current, isProxied, clock.GetUtcNow());
        return initiate.BeginAsync(session with { PartsHaveChecksums = hasChecksums }, [], cancellationToken);
    }

    /// <summary>Links for parts of an open upload, by number.</summary>
    /// <param name="ownLink">What takes a part where the store has no links.</param>
    /// <param name="crc32">Of the one part asked for, where it is known.</param>
    /// <exception cref="CommandRefusedException">It is not open, or has no such part, or wants checksums.</exception>
    public async Task<SignedParts> SignAsync(
        Guid uploadId, IEnumerable<int> numbers, uint? crc32, PartLink ownLink, CancellationToken cancellationToken)
    {
        var upload = await FoldAsync(uploadId, cancellationToken);
        var now = clock.GetUtcNow();
        upload.MustBeOpen(now);
        if (upload.Session.PartsHaveChecksums != crc32 is not null)
        {
            throw new CommandRefusedException(
                "INVALID_CHECKSUM", "Links of an upload with partChecksums are asked for one by one, with the part's crc32; those of another without.");
        }

        var lifetime = upload.Session.ExpiresAt - now is var left && left < LinkLifetime ? left : LinkLifetime;
        var links = numbers.Distinct().ToDictionary(
            number => number,
            number => (storage.PresignPart(upload.Multipart!, upload.Plan.Slot(number - 1), lifetime, crc32) ?? ownLink(uploadId, number, lifetime)).AbsoluteUri);
        return new SignedParts(links, now + lifetime);
    }

    /// <summary>The parts that are there, and need not be sent again. One that is not as it was announced is not there.</summary>
    public async Task<IReadOnlyList<MultipartPart>> ListAsync(Guid uploadId, CancellationToken cancellationToken)
    {
        var upload = await FoldAsync(uploadId, cancellationToken);
        var parts = upload.StatusAt(clock.GetUtcNow()) is UploadStatus.Open
            ? await StoredAsync(upload, cancellationToken)
            : upload.Status is UploadStatus.Completing or UploadStatus.Verifying or UploadStatus.Completed
                ? upload.Chunks.Values.Select(chunk => new StoredPart(chunk.Index + 1, chunk.ETag, chunk.SizeBytes))
                : throw upload.Refusal(clock.GetUtcNow());
        return [.. parts.Select(part => new MultipartPart(part.Number, part.ETag, part.SizeBytes))];
    }

    /// <summary>Completes the upload from what the store has, if that is what the client believes to have sent.</summary>
    public async Task<Upload> CompleteAsync(Guid uploadId, CompleteMultipart command, CancellationToken cancellationToken)
    {
        var upload = await FoldAsync(uploadId, cancellationToken);
        using var charged = usage.Charge(upload.Account);
        if (upload.StatusAt(clock.GetUtcNow()) is UploadStatus.Open && upload.Multipart is not null)
        {
            var parts = await StoredAsync(upload, cancellationToken);
            using var work = atWork.Join(uploadId);
            using var turn = await work.TakeTurnAsync(cancellationToken);
            var after = await events.DecideAsync<Upload, IUploadEvent>(uploadId, upload => Decide(upload, parts, clock.GetUtcNow()), cancellationToken);

            // The store took them without this process: this is where it hears of them.
            var found = after.State.UnseenChunks.Except(upload.UnseenChunks).Select(index => after.State.Chunks[index].SizeBytes).ToList();
            usage.Add(upload.Account, new Usage(ClassAOperations: found.Count, BytesIn: found.Sum()));
        }

        var sent = (command.Parts ?? []).OfType<MultipartPart>().Select(part => new SentChunk(part.PartNumber - 1, part.ETag));
        return await completion.CompleteAsync(uploadId, new CompleteUpload([.. sent]), cancellationToken);
    }

    /// <param name="parts">Those the store has, as announced.</param>
    internal static IReadOnlyList<IUploadEvent> Decide(Upload upload, IReadOnlyList<StoredPart> parts, DateTimeOffset now)
    {
        StoredPart[] found = [.. parts.Where(part => upload.Chunks.GetValueOrDefault(part.Number - 1)?.ETag != part.ETag)];
        return upload.StatusAt(now) is UploadStatus.Open && found.Length > 0 ? [new PartsFound(found, now)] : [];
    }

    private async Task<IReadOnlyList<StoredPart>> StoredAsync(Upload upload, CancellationToken cancellationToken)
    {
        try
        {
            var plan = upload.Plan;
            return upload.Multipart is not { } multipart ? [] :
            [
                .. (await storage.ListPartsAsync(multipart, cancellationToken))
                    .Where(part => part.Number <= plan.TotalChunks && part.SizeBytes == plan.Slot(part.Number - 1).SizeBytes),
            ];
        }
        catch (StorageException e) when (e.Error is StorageError.MultipartNotFound)
        {
            // Completed or aborted meanwhile, or discarded in the bucket behind our back.
            var now = clock.GetUtcNow();
            var gone = await events.DecideAsync<Upload, IUploadEvent>(
                upload.Session.UploadId, upload => upload.Status is UploadStatus.Open ? [new UploadLost(now)] : [], cancellationToken);
            throw gone.State.Refusal(now);
        }
    }

    private async Task<Upload> FoldAsync(Guid uploadId, CancellationToken cancellationToken)
    {
        var upload = (await events.FoldAsync<Upload, IUploadEvent>(uploadId, cancellationToken)).State;
        return upload.Session.Append is null ? upload : throw UploadErrors.NotFound();
    }

    private static string? TextIn(CreateMultipart command, string name) =>
        command.Metadata?.TryGetValue(name, out var value) is true && value.ValueKind is JsonValueKind.String or JsonValueKind.Number
            ? value.ToString()
            : null;

    private static long? NumberIn(CreateMultipart command, string name) =>
        long.TryParse(TextIn(command, name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
