using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using Platform.Events;

namespace Assets;

/// <summary>A file of a release.</summary>
/// <param name="Sha256">Of its bytes, in lower-case hex.</param>
internal sealed record AssetFile(string Path, string Sha256, long SizeBytes, string ContentType)
{
    /// <summary>What its bytes are kept under: files of equal bytes and extension share an object.</summary>
    public string ObjectName => Sha256 + AssetPath.ExtensionOf(Path);
}

/// <summary>
/// All files of a release, ordered by path. Its form in the store is JSON, the same bytes for the same files, and it is named by their SHA-256:
/// <c>{"version":1,"files":[{"path":…,"sha256":…,"sizeBytes":…,"contentType":…},…]}</c>
/// </summary>
internal sealed partial class ReleaseManifest
{
    /// <summary>Ten times the largest site this was made for.</summary>
    public const int MostFiles = 300_000;

    /// <summary>What S3 takes in one PUT.</summary>
    public const long MostFileBytes = 5L << 30;

    private readonly Lazy<Dictionary<string, AssetFile>> byPath;
    private readonly Lazy<Dictionary<string, AssetFile>> objects;

    private ReleaseManifest(IReadOnlyList<AssetFile> files)
    {
        Files = files;
        Json = Serialize(files);
        Hash = Convert.ToHexStringLower(SHA256.HashData(Json.Span));
        byPath = new(() => Files.ToDictionary(file => file.Path, StringComparer.Ordinal));
        objects = new(() => Files.DistinctBy(file => file.ObjectName).ToDictionary(file => file.ObjectName, StringComparer.Ordinal));
    }

    public static ReleaseManifest Empty { get; } = new([]);

    public IReadOnlyList<AssetFile> Files { get; }

    public ReadOnlyMemory<byte> Json { get; }

    public string Hash { get; }

    public long SizeBytes => Files.Sum(file => file.SizeBytes);

    public IReadOnlyDictionary<string, AssetFile> ByPath => byPath.Value;

    /// <summary>One file for each object, by the object's name.</summary>
    public IReadOnlyDictionary<string, AssetFile> Objects => objects.Value;

    /// <exception cref="CommandRefusedException"><c>INVALID_MANIFEST</c>, <c>SITE_FILE_TOO_LARGE</c></exception>
    public static ReleaseManifest Of(IEnumerable<AssetFile> files)
    {
        AssetFile[] ordered = [.. files.OrderBy(file => file.Path, StringComparer.Ordinal)];
        if (ordered.Length > MostFiles)
        {
            throw new CommandRefusedException("INVALID_MANIFEST", $"A release has at most {MostFiles} files.");
        }

        for (var i = 0; i < ordered.Length; i++)
        {
            Check(ordered[i]);
            if (i > 0 && ordered[i].Path == ordered[i - 1].Path)
            {
                throw new CommandRefusedException("INVALID_MANIFEST", $"{ordered[i].Path} is there twice.");
            }
        }

        return new ReleaseManifest(ordered);
    }

    /// <summary>These files, and those of another that have no file of the same path here.</summary>
    public ReleaseManifest With(ReleaseManifest others) => Of([.. Files, .. others.Files.Where(file => !ByPath.ContainsKey(file.Path))]);

    /// <exception cref="JsonException">These are not the bytes of a manifest.</exception>
    public static ReleaseManifest Parse(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize<Document>(json, JsonSerializerOptions.Web) is { Version: 1 } document
            ? Of(document.Files)
            : throw new JsonException("This is no release manifest of version 1.");

    private static void Check(AssetFile file)
    {
        if (!AssetPath.IsValid(file.Path))
        {
            throw new CommandRefusedException("INVALID_MANIFEST", $"{JsonEncodedText.Encode(file.Path ?? "")} cannot be the path of a file.");
        }

        if (file.Sha256 is null || !HashPattern().IsMatch(file.Sha256) || file.SizeBytes < 0)
        {
            throw new CommandRefusedException("INVALID_MANIFEST", $"{file.Path} has no SHA-256 in lower-case hex, or no size.");
        }

        if (file.ContentType is null || !ContentTypePattern().IsMatch(file.ContentType))
        {
            throw new CommandRefusedException("INVALID_MANIFEST", $"{file.Path} has no content type such as text/html.");
        }

        if (file.SizeBytes > MostFileBytes)
        {
            throw new CommandRefusedException("SITE_FILE_TOO_LARGE", $"{file.Path} has more than 5 GiB.");
        }
    }

    private static byte[] Serialize(IReadOnlyList<AssetFile> files)
    {
        var buffer = new ArrayBufferWriter<byte>(256 + (files.Count * 160));
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteNumber("version", 1);
        json.WriteStartArray("files");
        foreach (var file in files)
        {
            json.WriteStartObject();
            json.WriteString("path", file.Path);
            json.WriteString("sha256", file.Sha256);
            json.WriteNumber("sizeBytes", file.SizeBytes);
            json.WriteString("contentType", file.ContentType);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    [GeneratedRegex("^[0-9a-f]{64}\\z", RegexOptions.NonBacktracking)]
    private static partial Regex HashPattern();

    [GeneratedRegex("^[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,80}(; ?charset=[a-z0-9-]{1,20})?\\z", RegexOptions.NonBacktracking)]
    private static partial Regex ContentTypePattern();

    private sealed record Document(int Version, IReadOnlyList<AssetFile> Files);
}
