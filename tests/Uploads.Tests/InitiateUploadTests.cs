using System.Text;
using Microsoft.Extensions.Configuration;
using Platform;
using Platform.Events;
using Xunit;

namespace Uploads.Tests;

public sealed class InitiateUploadTests
{
    private static readonly UploadSettings Settings = new();
    private static readonly FileLimits Limits = Settings.LimitsFor("member", isProxied: false);
    private static readonly DateTimeOffset Now = new(2026, 6, 20, 23, 30, 0, TimeSpan.FromHours(-2));
    private static readonly InitiateUpload Photo = new("IMG_1.jpg", "image/jpeg", 3_000_000, "creator", "u-1", "w_1");

    [Fact]
    public void The_key_has_five_segments_and_the_day_of_utc()
    {
        var upload = InitiateUploadHandler.Plan(Photo, Guid.Parse("019a0000-0000-7000-8000-0123456789ab"), Settings, isProxied: false, Now);
        Assert.Equal("creator/u-1/20260621/images/IMG_1-0123456789ab.jpg", upload.Key);
    }

    [Fact]
    public void One_name_twice_on_a_day_has_two_keys() => Assert.NotEqual(Plan(Photo).Key, Plan(Photo).Key);

    [Theory]
    [InlineData("dance.mp4", "video/mp4", "videos")]
    [InlineData("song.mp3", "audio/mpeg", "audio")]
    [InlineData("menu.pdf", "application/pdf", "documents")]
    [InlineData("guests.csv", "Text/CSV; charset=utf-8", "documents")]
    [InlineData("all.zip", "application/zip", "other")]
    public void The_type_decides_the_category(string name, string type, string category) =>
        Assert.Equal(category, Plan(Photo with { FileName = name, ContentType = type }).Key.Split('/')[3]);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../a.jpg")]
    [InlineData("a/b.jpg")]
    [InlineData(@"a\b.jpg")]
    [InlineData("a\0.jpg")]
    [InlineData("a\r\nb.jpg")]
    [InlineData("a\u2028b.jpg")]
    [InlineData("photo\u202Egpj.exe")]
    [InlineData("a\u2066b.jpg")]
    [InlineData("a\uFEFFb.jpg")]
    [InlineData("a\uFFFFb.jpg")]
    public void A_hostile_name_is_refused(string? name) => Refused("INVALID_FILE_NAME", Photo with { FileName = name });

    [Fact]
    public void A_name_that_is_no_unicode_is_refused() => Refused("INVALID_FILE_NAME", Photo with { FileName = "\uD83D.jpg" });

    [Fact]
    public void A_name_may_have_255_bytes_and_its_key_segment_no_more()
    {
        var longest = new string('é', 125) + "x.jpg";
        var key = Plan(Photo with { FileName = longest }).Key;
        Assert.Equal(255, Encoding.UTF8.GetByteCount(longest));
        Assert.InRange(Encoding.UTF8.GetByteCount(key.Split('/')[4]), 250, 255);
        Assert.EndsWith(".jpg", key, StringComparison.Ordinal);
        Refused("INVALID_FILE_NAME", Photo with { FileName = "x" + longest });
    }

    [Theory]
    [InlineData(".jpg")]
    [InlineData("no extension")]
    [InlineData("...")]
    [InlineData("familie 👨‍👩‍👧 + 50%#.jpg")]
    public void An_unusual_name_is_kept(string name)
    {
        var upload = Plan(Photo with { FileName = name });
        Assert.Equal(name, upload.FileName);
        Assert.Equal(5, upload.Key.Split('/').Length);
    }

    [Fact]
    public void A_name_that_is_all_extension_fits()
    {
        var key = Plan(Photo with { FileName = "a." + new string('x', 253) }).Key;
        Assert.InRange(Encoding.UTF8.GetByteCount(key.Split('/')[4]), 200, 255);
    }

    [Fact]
    public void Composed_and_decomposed_names_are_one() =>
        Assert.Equal("Zoë 가.jpg", Plan(Photo with { FileName = "Zoe\u0308 \u1100\u1161.jpg" }).FileName);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("jpeg")]
    [InlineData("text/html")]
    [InlineData("image/svg+xml")]
    [InlineData("application/x-msdownload")]
    public void A_type_outside_the_list_is_refused(string? type) => Refused("UNSUPPORTED_CONTENT_TYPE", Photo with { ContentType = type });

    [Fact]
    public void Settings_decide_which_types_are_taken()
    {
        var settings = Settings with { ContentTypes = ["model/gltf-binary"] };
        var model = InitiateUploadHandler.Plan(Photo with { ContentType = "model/gltf-binary" }, Guid.CreateVersion7(), settings, false, Now);
        Assert.Equal("other", model.Key.Split('/')[3]);
        Assert.Throws<CommandRefusedException>(() => InitiateUploadHandler.Plan(Photo, Guid.CreateVersion7(), settings, false, Now));
    }

    [Theory]
    [InlineData("admin", "u1", "w1", "INVALID_USER_ROLE")]
    [InlineData(null, "u1", "w1", "INVALID_USER_ROLE")]
    [InlineData("member", "a/b", "w1", "INVALID_USER_ID")]
    [InlineData("member", "", "w1", "INVALID_USER_ID")]
    [InlineData("member", null, "w1", "INVALID_USER_ID")]
    [InlineData("member", "u1\n", "w1", "INVALID_USER_ID")]
    [InlineData("member", "u1", "..", "INVALID_WEDDING_ID")]
    [InlineData("member", "u1", "", "INVALID_WEDDING_ID")]
    public void Roles_and_ids_are_checked(string? role, string? user, string wedding, string code) =>
        Refused(code, Photo with { UserRole = role, UserId = user, WeddingId = wedding });

    [Fact]
    public void Ten_gibibytes_are_taken_and_a_byte_more_is_not()
    {
        Assert.Equal(640, PartPlan.Create(10L << 30, null, Limits).TotalChunks);
        var refusal = Refused("FILE_TOO_LARGE", Photo with { SizeBytes = (10L << 30) + 1 });
        Assert.Equal(10L << 30, refusal.Members["maxSizeBytes"]);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(-1L)]
    [InlineData(long.MinValue)]
    public void A_size_that_is_none_is_refused(long? size) => Refused("INVALID_SIZE", Photo with { SizeBytes = size });

    [Theory]
    [InlineData(3_000_000, 1, false)]
    [InlineData(3_000_000, 3_000_000, true)]
    [InlineData(5_242_881, 5_242_880, true)]
    [InlineData(5_242_881, 5_242_879, false)]
    [InlineData(3_000_000, 0, false)]
    [InlineData(3_000_000, -5_242_880, false)]
    [InlineData(3_000_000, 150 << 20, true)]
    [InlineData(3_000_000, (150 << 20) + 1, false)]
    [InlineData(0, 5_242_880, true)]
    public void Several_chunks_have_at_least_five_mebibytes_and_none_more_than_the_limit(long size, long chunkSize, bool taken)
    {
        var command = Photo with { SizeBytes = size, ChunkSizeBytes = chunkSize };
        if (taken)
        {
            Assert.Equal(chunkSize, Plan(command).ChunkSizeBytes);
        }
        else
        {
            Refused("INVALID_CHUNK_SIZE", command);
        }
    }

    [Fact]
    public void A_role_may_have_a_limit_of_its_own()
    {
        var settings = Settings with { Roles = new() { Member = new(1_000), Creator = new(20L << 30) } };
        Assert.Equal(1_000, settings.LimitsFor("member", false).MaxSizeBytes);
        Assert.Equal(10L << 30, settings.LimitsFor("creator", false).MaxSizeBytes);
        Assert.Equal(10L << 30, settings.LimitsFor("subscriber", false).MaxSizeBytes);
    }

    [Fact]
    public void Behind_a_proxy_chunks_are_smaller()
    {
        Assert.Equal(150L << 20, Limits.MaxChunkSizeBytes);
        Assert.Equal(100_000_000, Settings.LimitsFor("member", isProxied: true).MaxChunkSizeBytes);
    }

    [Fact]
    public void More_than_ten_thousand_parts_are_refused_at_once()
    {
        var limits = Limits with { MaxSizeBytes = 1L << 40 };
        var largest = PartPlan.MaxParts * (5L << 20);
        Assert.Equal(PartPlan.MaxParts, PartPlan.Create(largest, 5 << 20, limits).TotalChunks);
        var refusal = Assert.Throws<CommandRefusedException>(() => PartPlan.Create(largest + 1, 5 << 20, limits));
        Assert.Equal("INVALID_CHUNK_SIZE", refusal.Code);
        Assert.Equal((5L << 20) + 1, refusal.Members["minChunkSizeBytes"]);
    }

    [Fact]
    public void Chunks_cover_the_file_without_gap_or_overlap()
    {
        var plan = new PartPlan((2 * (5L << 20)) + 7, 5 << 20);
        var slots = Enumerable.Range(0, plan.TotalChunks).Select(plan.Slot).ToArray();
        Assert.Equal([1, 2, 3], slots.Select(slot => slot.Number));
        Assert.Equal(plan.SizeBytes, slots.Sum(slot => slot.SizeBytes));
        Assert.All(slots.Zip(slots.Skip(1)), pair => Assert.Equal(pair.First.OffsetBytes + pair.First.SizeBytes, pair.Second.OffsetBytes));
        Assert.Equal("INVALID_CHUNK_INDEX", Assert.Throws<CommandRefusedException>(() => plan.Slot(3)).Code);
        Assert.Equal("INVALID_CHUNK_INDEX", Assert.Throws<CommandRefusedException>(() => plan.Slot(-1)).Code);
    }

    [Theory]
    [InlineData("MaxSizeBytes", "0")]
    [InlineData("ChunkSizeBytes", "1000")]
    [InlineData("MaxChunkSizeBytes", "1000000")]
    [InlineData("Lifetime", "8.00:00:00")]
    [InlineData("SweepInterval", "00:00:00")]
    [InlineData("SweepInterval", "often")]
    [InlineData("Roles:Member:MaxSizeBytes", "0")]
    [InlineData("ContentTypes:0", "image/svg+xml")]
    [InlineData("ChunkSizeBytes", "many")]
    [InlineData("ContentTypes:0", "image")]
    public void A_wrong_setting_stops_the_start_and_is_named(string key, string value)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new($"Uploads:{key}", value)]).Build();
        var failure = Assert.Throws<StartupException>(() => (UploadSettings.Read(configuration), UploadOptions.Read(configuration)));
        Assert.Contains($"Uploads__{key.Replace(":0", "", StringComparison.Ordinal).Replace(":", "__", StringComparison.Ordinal)}", failure.Message, StringComparison.Ordinal);
    }

    private static UploadInitiated Plan(InitiateUpload command) =>
        InitiateUploadHandler.Plan(command, Guid.CreateVersion7(), Settings, isProxied: false, Now);

    private static CommandRefusedException Refused(string code, InitiateUpload command)
    {
        var refusal = Assert.Throws<CommandRefusedException>(() => Plan(command));
        Assert.Equal(code, refusal.Code);
        return refusal;
    }
}
