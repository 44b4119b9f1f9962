using Testing;

namespace Demo;

/// <summary>One file of the wedding. Its bytes are made anew whenever it is opened, and are the same each time.</summary>
/// <param name="Name">What the guest's device calls it.</param>
/// <param name="NameInAlbum">What its entry is called, but for the number that equal names get.</param>
internal sealed record DemoFile(string Name, string NameInAlbum, string ContentType, Func<Stream> Open)
{
    public long SizeBytes { get; private init; }

    /// <summary>Photos, videos and one empty file. Several names are equal, or differ in case only, or are not ASCII.</summary>
    public static IReadOnlyList<DemoFile> Wedding(int photos, int videos, long videoBytes) =>
    [
        .. Enumerable.Range(1, videos).Select(i => Of($"Film {i}.mov", "video/quicktime", () => SampleMedia.OpenVideo(i, videoBytes))),
        .. Enumerable.Range(1, photos).Select(i => Photo(i)),
        Of("Nothing yet.txt", "text/plain", () => Stream.Null),
    ];

    /// <summary>The file with its size, which a photo only has once it was made.</summary>
    public async Task<DemoFile> MeasureAsync()
    {
        await using var content = Open();
        return this with { SizeBytes = content.Length };
    }

    private static DemoFile Photo(int i)
    {
        Stream Open() => SampleMedia.OpenPhoto(i);
        return (i % 10) switch
        {
            3 => Of("IMG_0001.jpg", "image/jpeg", Open),
            5 => Of("img_0001.JPG", "image/jpeg", Open),
            6 => Of($"Brautpaar & Gäste 💍 {i}.jpg", "image/jpeg", Open),
            7 => Of($"結婚式 #{i} 100%+1.jpg", "image/jpeg", Open),

            // As macOS sends it: the accent is a character of its own, and becomes one with its letter.
            8 => Of($"Cafe\u0301 {i}.jpg", "image/jpeg", Open) with { NameInAlbum = $"Caf\u00E9 {i}.jpg" },
            _ => Of($"IMG_{i:0000}.jpg", "image/jpeg", Open),
        };
    }

    private static DemoFile Of(string name, string contentType, Func<Stream> open) => new(name, name, contentType, open);
}
