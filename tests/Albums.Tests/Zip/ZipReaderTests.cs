using System.IO.Compression;
using System.Security.Cryptography;
using Xunit;

namespace Albums.Tests.Zip;

/// <summary>
/// Whatever guests unpack an album with gets all its files, under their names. Known faults of readers: Info-ZIP's unzip 6.0 cannot unpack a
/// file of exactly 4,294,967,295 bytes (it takes the size for the sign of Zip64), and busybox, unar and minizip end at the limits of the classic format.
/// </summary>
public sealed class ZipReaderTests : IAsyncLifetime
{
    private static readonly string[] Hostile =
    [
        "../../etc/passwd", "/etc/shadow", @"C:\Windows\win.ini", @"..\up.txt", "CON", "aux.jpg", "com¹.txt", "trailing.", "space ", " before", "-rf",
        "--help", "*", "a?b|c<d>e\"f:g.jpg", "line\nbreak\r.txt", "tab\t.txt", "Photo.JPG", "photo.jpg", "PHOTO.jpg", "é.jpg", "e\u0301.jpg",
        "日本 🎉.jpg", "👩‍👩‍👧‍👦.jpg", "\u202Egpj.exe", new string('x', 300) + ".jpg", new string('ü', 200), "folder", "folder/file.jpg", "Folder/FILE.jpg",
        "a/../b", "./x", "~", "$HOME", "%PATH%", "`id`", "", ".", "..", "_MISSING.txt", ".hidden", "a/b/c/d/e/f.txt", "@list", "#", "[ab].jpg",
    ];

    private AlbumWorkshop workshop = null!;
    private DirectoryInfo folder = null!;

    /// <summary>65,535 is the first number of entries that needs Zip64.</summary>
    public static TheoryData<int> Counts => [1, 65_534, 65_535, 65_536];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        workshop = await AlbumWorkshop.CreateAsync();
        folder = Directory.CreateTempSubdirectory("unpacked-");
    }

    public async ValueTask DisposeAsync()
    {
        folder.Delete(recursive: true);
        await workshop.DisposeAsync();
    }

    [Fact]
    public async Task Every_reader_restores_hostile_names_and_empty_files() => await AssertHostileAsync(ZipReader.Quick);

    [Fact]
    [Trait("Category", "Long")]
    public async Task Every_further_reader_restores_hostile_names_and_empty_files() => await AssertHostileAsync(ZipReader.Long);

    [Theory]
    [MemberData(nameof(Counts))]
    [Trait("Category", "Long")]
    public async Task Every_reader_restores_albums_around_the_limits_of_the_classic_format(int entries)
    {
        for (var i = 0; i < 3; i++)
        {
            await workshop.PutAsync($"tiny/{i}", new byte[i]);
        }

        var id = await workshop.RequestAsync([.. Enumerable.Range(0, entries).Select(i => new RequestedFile($"tiny/{i % 3}", $"{i / 1000:00}/{i:00000}.jpg"))]);
        await workshop.AttemptAsync(id);
        await AssertRestoredAsync(id, [.. ZipReader.Quick.Concat(ZipReader.Long).Where(reader => reader.KnowsZip64 || entries < 65_535)], entries);
    }

    /// <summary>A file of 5 GiB, and one behind it: a size and an offset that need Zip64.</summary>
    [Fact]
    [Trait("Category", "Long")]
    public async Task Every_reader_reads_a_file_of_five_GiB_and_what_is_behind_it()
    {
        var zip = await BigAlbumAsync(5L << 30);
        foreach (var reader in ZipReader.Quick.Concat(ZipReader.Long).Where(reader => reader.KnowsZip64))
        {
            await reader.TestAsync(zip);
        }
    }

    [Theory]
    [InlineData(0xFFFF_FFFE)]
    [InlineData(0xFFFF_FFFF)]
    [InlineData(0x1_0000_0000)]
    [Trait("Category", "Long")]
    public async Task Every_reader_reads_a_file_at_the_limit_of_the_classic_format(long sizeBytes)
    {
        var zip = await BigAlbumAsync(sizeBytes);
        foreach (var reader in ZipReader.Quick.Concat(ZipReader.Long).Where(reader => reader.KnowsZip64 && (reader.Name != "unzip" || sizeBytes != 0xFFFF_FFFF)))
        {
            await reader.TestAsync(zip);
        }
    }

    private async Task AssertHostileAsync(IReadOnlyList<ZipReader> readers)
    {
        foreach (var (i, _) in Hostile.Index())
        {
            var bytes = new byte[i % 5 == 0 ? 0 : 100 + i];
            new Random(i).NextBytes(bytes);
            await workshop.PutAsync($"hostile/{i}", bytes);
        }

        var id = await workshop.RequestAsync([.. Hostile.Select((name, i) => new RequestedFile($"hostile/{i}", name))]);
        await workshop.AttemptAsync(id);
        await AssertRestoredAsync(id, readers, Hostile.Length);
    }

    // .NET's own reader is the measure for the others.
    private async Task AssertRestoredAsync(Guid id, IReadOnlyList<ZipReader> readers, int files)
    {
        var zip = await workshop.DownloadAsync(id);
        var expected = new SortedDictionary<string, string>(StringComparer.Ordinal);
        await using (var archive = await ZipFile.OpenReadAsync(zip, Cancel))
        {
            foreach (var entry in archive.Entries)
            {
                await using var content = await entry.OpenAsync(Cancel);
                expected.Add(entry.FullName, Convert.ToHexStringLower(await SHA256.HashDataAsync(content, Cancel)));
            }
        }

        Assert.Equal(files, expected.Count);
        foreach (var reader in readers)
        {
            await reader.TestAsync(zip);
            if (reader.Unpack is not null)
            {
                var target = folder.CreateSubdirectory(reader.Name.Replace('/', '-'));
                await reader.UnpackAsync(zip, target.FullName);
                var restored = new SortedDictionary<string, string>(StringComparer.Ordinal);
                foreach (var file in target.EnumerateFiles("*", SearchOption.AllDirectories))
                {
                    await using var content = file.OpenRead();
                    var name = Path.GetRelativePath(target.FullName, file.FullName);
                    restored.Add(reader.HidesDots && expected.ContainsKey($".{name}") ? $".{name}" : name, Convert.ToHexStringLower(await SHA256.HashDataAsync(content, Cancel)));
                }

                Assert.Equal((reader.Name, ""), (reader.Name, string.Join(" | ", expected.Except(restored).Concat(restored.Except(expected)).Take(6))));
                target.Delete(recursive: true);
            }
        }
    }

    // The sources have no blocks on disk.
    private async Task<string> BigAlbumAsync(long sizeBytes)
    {
        foreach (var (key, size) in new[] { ("big/0.mov", sizeBytes), ("big/1.mov", 9L << 20) })
        {
            var path = Path.Combine(workshop.StorageFolder, key);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await using var file = File.Create(path);
            file.SetLength(size);
        }

        var id = await workshop.RequestAsync("big/0.mov", "big/1.mov");
        await workshop.AttemptAsync(id);
        return Path.Combine(workshop.StorageFolder, (await workshop.AlbumAsync(id)).Completed!.Key);
    }
}
