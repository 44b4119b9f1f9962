using System.Text;
using Microsoft.AspNetCore.Http;
using Platform.Events;

namespace Uploads;

/// <summary>
/// <c>Upload-Metadata</c>: "one or more comma-separated key-value pairs. The key and value MUST be separated by a space. The key MUST NOT
/// contain spaces and commas and MUST NOT be empty. The key SHOULD be ASCII encoded and the value MUST be Base64 encoded. All keys MUST be
/// unique. The value MAY be empty."
/// </summary>
internal sealed class TusMetadata
{
    private readonly Dictionary<string, string> values = new(StringComparer.Ordinal);

    /// <exception cref="CommandRefusedException">It is not of that form.</exception>
    public static TusMetadata Parse(string field)
    {
        var metadata = new TusMetadata();
        foreach (var pair in field.Split(',', StringSplitOptions.TrimEntries))
        {
            var space = pair.IndexOf(' ', StringComparison.Ordinal);
            var (key, base64) = space < 0 ? (pair, "") : (pair[..space], pair[(space + 1)..]);
            var value = new byte[base64.Length];
            if (key.Length == 0 || !Ascii.IsValid(key) || !Convert.TryFromBase64String(base64, value, out var size)
                || !metadata.values.TryAdd(key, Encoding.UTF8.GetString(value, 0, size)))
            {
                throw new CommandRefusedException(
                    "INVALID_UPLOAD_METADATA", "Upload-Metadata has pairs of a key and a value in base64, as in: filename d29ybGQ=,is_draft");
            }
        }

        return metadata;
    }

    /// <summary>
    /// What the upload is to be: from the metadata, under the names that clients use, else from the query of the creation URL, which any
    /// client can be given.
    /// </summary>
    public CreateUpload Describe(IQueryCollection query, AppendTerms terms) => new(
        Find("filename", "name") ?? query["fileName"],
        Find("filetype", "type") ?? query["contentType"],
        SizeBytes: null,
        Find("userRole") ?? query["userRole"],
        Find("userId") ?? query["userId"],
        Find("weddingId") ?? query["weddingId"],
        terms);

    private string? Find(params string[] keys) => Array.Find(keys, values.ContainsKey) is { } key ? values[key] : null;
}
