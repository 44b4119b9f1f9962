using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;
using Platform.Events;
using Platform.Settings;

namespace Uploads;

/// <summary>The requests of the draft, each with the answer that is its own.</summary>
internal sealed class ResumableUploads(
    CreateUploadHandler create,
    AppendToUploadHandler append,
    RetrieveOffsetHandler offsets,
    TerminateUploadHandler terminate,
    ReprDigests reprDigests,
    LiveSettings<UploadSettings> settings,
    TimeProvider clock)
{
    private const string MediaType = "application/partial-upload";

    private const string NamelessFile = "upload";

    /// <summary>What holds for uploads that are not there yet. That of some roles may be less.</summary>
    public string Limits => Limit(settings.Current.MaxSizeBytes, settings.Current.Lifetime);

    /// <summary>"the server MUST include the Upload-Limit header field with the corresponding limits in the response"</summary>
    public Task DescribeAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        context.Response.Headers.Allow = "OPTIONS, POST, PUT";
        context.Response.Headers["Upload-Limit"] = Limits;
        return Task.CompletedTask;
    }

    /// <summary>A new file, whole or its first bytes. Without <c>Upload-Complete</c> it is an upload like any other: whole, in this request.</summary>
    public async Task CreateAsync(HttpContext context)
    {
        var request = context.Request;
        var isLast = StructuredFields.Boolean(request.Headers["Upload-Complete"]) ?? true;
        var length = StructuredFields.Integer(request.Headers["Upload-Length"]);
        PartPlan.CheckSize(length ?? 0, settings.Current.MaxSizeBytes);
        if (length is { } said && request.ContentLength is { } size && (isLast ? size != said : size > said))
        {
            throw AppendErrors.InconsistentLength();
        }

        length ??= isLast ? request.ContentLength : null;
        var command = Describe(request, length);
        UploadDoor.Demand(context.User, command.WeddingId, command.UserId);
        var upload = await create.CreateAsync(command, PartPlan.AppendedPartSizeBytes, context.RequestAborted);
        context.Response.Headers.Location = $"{ResumableEndpoints.Path}/{upload.Session.UploadId}";
        await AppendAsync(context, upload.Session.UploadId, offset: 0, isLast, StatusCodes.Status201Created);
    }

    /// <summary>
    /// "MUST include the offset …, MUST include the Upload-Complete header field …, MUST include the length …, unless the client has not
    /// supplied one, … MUST indicate the limits …, and SHOULD include the Cache-Control header field with the value no-store".
    /// </summary>
    public async Task RetrieveAsync(HttpContext context, Guid uploadId)
    {
        var upload = await offsets.RetrieveAsync(uploadId, AppendTerms.Resumable, completesAtLength: false, context.RequestAborted);
        context.Response.Headers.CacheControl = "no-store";
        if (upload.Appended!.IsLengthKnown)
        {
            context.Response.Headers["Upload-Length"] = StructuredFields.Format(upload.Session.SizeBytes);
        }

        ShowState(context.Response, upload);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary>"A server applies a PATCH request with the application/partial-upload media type to an upload resource by appending".</summary>
    public async Task AppendAsync(HttpContext context, Guid uploadId)
    {
        var request = context.Request;
        if (!string.Equals(request.ContentType, MediaType, StringComparison.OrdinalIgnoreCase))
        {
            throw AppendAnswers.UnsupportedMediaType(MediaType);
        }

        if (StructuredFields.Integer(request.Headers["Upload-Offset"]) is not { } offset
            || StructuredFields.Boolean(request.Headers["Upload-Complete"]) is not { } isLast)
        {
            throw new CommandRefusedException("INVALID_UPLOAD_HEADER", "An append has Upload-Offset: n and Upload-Complete: ?0 or ?1.");
        }

        await AppendAsync(context, uploadId, offset, isLast, StatusCodes.Status204NoContent);
    }

    /// <summary>"Upon receiving a DELETE request, the server SHOULD deactivate the upload resource."</summary>
    public async Task CancelAsync(HttpContext context, Guid uploadId)
    {
        await terminate.TerminateAsync(uploadId, AppendTerms.Resumable, context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async Task AppendAsync(HttpContext context, Guid uploadId, long offset, bool isLast, int statusWhereMoreComes)
    {
        var request = context.Request;
        var promised = DigestFields.Parse(request.Headers["Content-Digest"]);
        using var digests = new BodyDigests(promised.Select(digest => digest.Algorithm), promised.Count > 0 ? () => promised : null, Damaged);
        var length = StructuredFields.Integer(request.Headers["Upload-Length"]) ?? (isLast ? offset + request.ContentLength : null);
        Upload upload;
        try
        {
            upload = await append.AppendAsync(new AppendToUpload(
                uploadId, AppendTerms.Resumable, offset, request.BodyReader, request.ContentLength, digests, length, isLast));
        }
        catch (CommandRefusedException refusal) when (IsReplay(refusal, request, isLast))
        {
            // "The server can choose to replay the final response to the client if the request to append to the completed upload is valid."
            // A completion that a dead process began is gone on with, once its lease is over.
            upload = await offsets.RetrieveAsync(uploadId, AppendTerms.Resumable, completesAtLength: true, context.RequestAborted);
        }
        catch (CommandRefusedException refusal) when (EndsUpload(refusal) || statusWhereMoreComes is StatusCodes.Status201Created)
        {
            // A new upload's address is not known to anybody.
            await terminate.GiveUpAsync(uploadId, refusal.Code);
            ShowWhetherComplete(context.Response, refusal);
            if (refusal.Code is "UPLOAD_TOO_LONG")
                throw AppendErrors.InconsistentLength();
            throw;
        }

        ShowState(context.Response, upload);
        context.Response.StatusCode = statusWhereMoreComes;
        if (upload.Result is { } result)
        {
            var algorithm = upload.Session.Append!.WantReprDigest;
            var digest = algorithm is null ? null : digests.OfFile(algorithm) ?? await reprDigests.ComputeAsync(result.Key, result.ETag, algorithm, context.RequestAborted);
            if (digest is not null)
            {
                context.Response.Headers["Repr-Digest"] = DigestFields.Format(algorithm!, digest);
            }

            context.Response.StatusCode = StatusCodes.Status200OK;
            var completed = new CompletedUpload(result.UploadId, result.Key, result.SizeBytes, Hex.Of(result.Crc32));
            await context.Response.WriteAsJsonAsync(completed, context.RequestAborted);
        }
    }

    private static CreateUpload Describe(HttpRequest request, long? length)
    {
        if (request.Headers.ContentEncoding is { Count: > 0 } encoding && encoding != "identity")
        {
            throw new CommandRefusedException("UNSUPPORTED_MEDIA_TYPE", "Files are taken as they are, without Content-Encoding.");
        }

        var disposition = ContentDispositionHeaderValue.TryParse(request.Headers.ContentDisposition, out var parsed) ? parsed : null;
        var query = request.Query;
        var terms = new AppendTerms(
            AppendTerms.Resumable,
            ReprDigest: DigestFields.Parse(request.Headers["Repr-Digest"]) is [var digest, ..] ? DigestFields.Format(digest.Algorithm, digest.Value) : null,
            WantReprDigest: DigestFields.Wanted(request.Headers["Want-Repr-Digest"]));
        return new CreateUpload(
            disposition?.FileNameStar ?? disposition?.FileName?.Trim('"') ?? query["fileName"].ToString() switch { "" => NamelessFile, var name => name },
            request.ContentType ?? query["contentType"],
            length,
            query["userRole"],
            query["userId"],
            query["weddingId"],
            terms);
    }

    private void ShowState(HttpResponse response, Upload upload)
    {
        response.Headers["Upload-Offset"] = StructuredFields.Format(upload.Appended!.OffsetBytes);
        response.Headers["Upload-Complete"] = StructuredFields.Format(upload.Status is UploadStatus.Completed);
        response.Headers["Upload-Limit"] = Limit(upload.Session.Append!.MaxSizeBytes, upload.Session.ExpiresAt - clock.GetUtcNow());
    }

    /// <summary>"The value of true means that the semantics of the targeted resource apply": it has looked at the file and does not take it.</summary>
    private static void ShowWhetherComplete(HttpResponse response, CommandRefusedException refusal) => response.OnStarting(() =>
    {
        response.Headers["Upload-Complete"] = StructuredFields.Format(refusal.Code is UploadErrors.ContentTypeMismatchCode or UploadErrors.ReprDigestMismatchCode);
        return Task.CompletedTask;
    });

    /// <summary>
    /// "the server MUST prevent the offset from exceeding the upload length by rejecting the request once the offset exceeds the length,
    /// marking the upload resource invalid and rejecting any further interaction with it".
    /// </summary>
    private static bool EndsUpload(CommandRefusedException refusal) =>
        refusal.Code is "UPLOAD_TOO_LONG" or "FILE_TOO_LARGE" or UploadErrors.ContentTypeMismatchCode or UploadErrors.ReprDigestMismatchCode;

    private static bool IsReplay(CommandRefusedException refusal, HttpRequest request, bool isLast) =>
        refusal.Code is "UPLOAD_COMPLETED" or "COMPLETE_IN_PROGRESS" && isLast && request.ContentLength is null or 0;

    private static string Limit(long maxSizeBytes, TimeSpan rest) =>
        $"max-size={StructuredFields.Format(maxSizeBytes)}, max-age={StructuredFields.Format((long)Math.Max(rest.TotalSeconds, 0))}";

    private static CommandRefusedException Damaged() => new("CHECKSUM_MISMATCH", "The bytes arrived damaged and were not appended. Send them again.");
}
