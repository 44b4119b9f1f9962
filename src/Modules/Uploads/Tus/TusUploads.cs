using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Platform.Events;
using Platform.Settings;

namespace Uploads;

/// <summary>The requests of tus, each with the answer that is its own.</summary>
internal sealed class TusUploads(
    CreateUploadHandler create,
    AppendToUploadHandler append,
    RetrieveOffsetHandler offsets,
    TerminateUploadHandler terminate,
    ConcatenateUploadsHandler concatenate,
    LiveSettings<UploadSettings> settings)
{
    private const string MediaType = "application/offset+octet-stream";

    /// <summary>"A successful response … MUST contain the Tus-Version header. It MAY include the Tus-Extension and Tus-Max-Size headers."</summary>
    public Task DescribeAsync(HttpContext context, string version, string extensions)
    {
        var headers = context.Response.Headers;
        headers["Tus-Version"] = version;
        headers["Tus-Extension"] = extensions;
        headers["Tus-Max-Size"] = Text(settings.Current.MaxSizeBytes);
        headers["Tus-Checksum-Algorithm"] = string.Join(',', TusChecksums.Algorithms);
        return Task.CompletedTask;
    }

    /// <summary>A new file or piece, perhaps with its first bytes; or a new file made from pieces.</summary>
    public async Task CreateAsync(HttpContext context)
    {
        var upload = context.Request.Headers["Upload-Concat"].ToString() switch
        {
            "" => await CreateAsync(context, concat: null),
            "partial" => await CreateAsync(context, concat: "partial"),
            ['f', 'i', 'n', 'a', 'l', ';', .. var urls] => await ConcatenateAsync(context, urls),
            _ => throw Malformed("Upload-Concat is: partial, or: final;URL URL"),
        };
        context.Response.StatusCode = StatusCodes.Status201Created;
        context.Response.Headers.Location = $"{TusEndpoints.Path}/{upload.Session.UploadId}";
        ShowExpiry(context.Response, upload);
    }

    /// <summary>
    /// "The Server MUST always include the Upload-Offset header … even if the offset is 0, or the upload is already considered completed. …
    /// MUST prevent the client and/or proxies from caching the response".
    /// </summary>
    public async Task HeadAsync(HttpContext context, Guid uploadId)
    {
        var upload = await offsets.RetrieveAsync(uploadId, AppendTerms.Tus, completesAtLength: true, context.RequestAborted);
        var headers = context.Response.Headers;
        headers.CacheControl = "no-store";
        headers["Upload-Offset"] = Text(upload.Appended!.OffsetBytes);
        headers[upload.Appended.IsLengthKnown ? "Upload-Length" : "Upload-Defer-Length"] =
            upload.Appended.IsLengthKnown ? Text(upload.Session.SizeBytes) : "1";
        Show("Upload-Metadata", upload.Session.Append!.Metadata);
        Show("Upload-Concat", upload.Session.Append.Concat);
        ShowExpiry(context.Response, upload);

        void Show(string name, string? value)
        {
            if (value is not null)
            {
                headers[name] = value;
            }
        }
    }

    /// <summary>"apply the bytes contained in the message at the given offset … acknowledge successful PATCH requests with the 204 No Content status".</summary>
    public async Task PatchAsync(HttpContext context, Guid uploadId)
    {
        var headers = context.Request.Headers;
        if (!IsBytes(context.Request))
        {
            throw AppendAnswers.UnsupportedMediaType(MediaType);
        }

        var offset = NumberIn(headers, "Upload-Offset") ?? throw Malformed("Upload-Offset is missing.");
        var upload = await AppendAsync(context, uploadId, offset, NumberIn(headers, "Upload-Length"));
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        context.Response.Headers["Upload-Offset"] = Text(upload.Appended!.OffsetBytes);
        ShowExpiry(context.Response, upload);
    }

    /// <summary>"the Server SHOULD free associated resources and MUST respond with the 204 No Content status".</summary>
    public async Task DeleteAsync(HttpContext context, Guid uploadId)
    {
        await terminate.TerminateAsync(uploadId, AppendTerms.Tus, context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async Task<Upload> CreateAsync(HttpContext context, string? concat)
    {
        var request = context.Request;
        var hasBytes = IsBytes(request);
        if (!hasBytes && request.ContentLength is not 0 && context.Features.GetRequiredFeature<IHttpRequestBodyDetectionFeature>().CanHaveBody)
        {
            throw AppendAnswers.UnsupportedMediaType(MediaType);
        }

        var length = NumberIn(request.Headers, "Upload-Length");
        var deferred = request.Headers["Upload-Defer-Length"].ToString();
        if (deferred is not ("" or "1") || length is null != deferred is "1")
        {
            throw Malformed("An upload has either Upload-Length or Upload-Defer-Length: 1.");
        }

        var command = Describe(request, concat) with { SizeBytes = length };
        if (!command.Terms.IsPartial)
        {
            UploadDoor.Demand(context.User, command.WeddingId, command.UserId);
        }

        var upload = await create.CreateAsync(command, PartPlan.AppendedPartSizeBytes, context.RequestAborted);
        if (!hasBytes && length is not 0)
            return upload;

        var uploadId = upload.Session.UploadId;
        upload = await AppendAsync(context, uploadId, offset: 0, length, isNew: true);
        if (hasBytes)
        {
            context.Response.Headers["Upload-Offset"] = Text(upload.Appended!.OffsetBytes);
        }

        return upload;
    }

    /// <summary>"a space-separated list of the partial upload URLs … MAY be absolute or relative".</summary>
    private async Task<Upload> ConcatenateAsync(HttpContext context, string urls)
    {
        if (context.Request.Headers.ContainsKey("Upload-Length"))
        {
            throw Malformed("A concatenation is as long as its pieces: it has no Upload-Length.");
        }

        // Whatever stands before the id, proxies may have put it there.
        var pieces = urls.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(url => UploadErrors.ParseId(url[(url.LastIndexOf('/') + 1)..]));
        var whole = Describe(context.Request, $"final;{urls}");
        UploadDoor.Demand(context.User, whole.WeddingId, whole.UserId);
        return await concatenate.ConcatenateAsync(new ConcatenateUploads([.. pieces], whole), context.RequestAborted);
    }

    private async Task<Upload> AppendAsync(HttpContext context, Guid uploadId, long offset, long? length, bool isNew = false)
    {
        try
        {
            using var digests = TusChecksums.Of(context.Request);
            return await append.AppendAsync(new AppendToUpload(
                uploadId, AppendTerms.Tus, offset, context.Request.BodyReader, context.Request.ContentLength, digests, length));
        }
        catch (CommandRefusedException refusal) when (isNew || refusal.Code is UploadErrors.ContentTypeMismatchCode)
        {
            // A new upload's address is not known to anybody; one that is not what it says is over.
            await terminate.GiveUpAsync(uploadId, refusal.Code);
            throw;
        }
    }

    private static CreateUpload Describe(HttpRequest request, string? concat)
    {
        var field = request.Headers["Upload-Metadata"].ToString();
        var metadata = field.Length > 0 ? TusMetadata.Parse(field) : new TusMetadata();
        var terms = new AppendTerms(
            AppendTerms.Tus, Metadata: field.Length > 0 ? field : null, Concat: concat, IsPartial: concat is "partial");
        return metadata.Describe(request.Query, terms);
    }

    private static bool IsBytes(HttpRequest request) => string.Equals(request.ContentType, MediaType, StringComparison.OrdinalIgnoreCase);

    private static long? NumberIn(IHeaderDictionary headers, string name) => headers[name].ToString() switch
    {
        "" => null,
        var text when long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) => number,
        _ => throw Malformed($"{name} must be a non-negative integer."),
    };

    /// <summary>"MUST be included in every PATCH response if the upload is going to expire. … MUST be in RFC 9110 datetime format."</summary>
    private static void ShowExpiry(HttpResponse response, Upload upload)
    {
        if (upload.Status is UploadStatus.Open || upload.IsPartial)
        {
            response.Headers["Upload-Expires"] = upload.Session.ExpiresAt.ToString("R", CultureInfo.InvariantCulture);
        }
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static CommandRefusedException Malformed(string detail) => new("INVALID_UPLOAD_HEADER", detail);
}
