using System.Text.RegularExpressions;
using Albums;
using Assets;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Platform.Http;
using Platform.Webhooks;
using Uploads;
using Weddings;
using Xunit;

namespace Architecture.Tests;

/// <summary>Rules the compiler does not know.</summary>
public sealed partial class SourceTests
{
    private const int LongestFile = 300;

    [Fact]
    public void No_source_file_is_longer_than_300_lines() =>
        Assert.Empty(Sources.All().Where(file => file.Text.AsSpan().Count('\n') > LongestFile).Select(file => file.Path));

    [Fact]
    public void Stored_event_names_are_unique_and_follow_Martens_rule()
    {
        var events = Sources.All()
            .SelectMany(file => EventMaps().Matches(file.Text))
            .Select(match => (Type: match.Groups[1].Value, Name: match.Groups[2].Value))
            .ToArray();
        Assert.Contains(("UploadCompleted", "upload_completed"), events);
        Assert.DoesNotContain(events, e => e.Name != SnakeCase(e.Type));
        Assert.Equal(events.Length, events.DistinctBy(e => e.Name).Count());
    }

    [Theory]
    [InlineData("FileZipped", "file_zipped")]
    [InlineData("S3ObjectPut", "s3_object_put")]
    [InlineData("MP4Encoded", "mp4_encoded")]
    [InlineData("FileZIP", "file_zip")]
    public void Martens_rule_is_this_one(string type, string name) => Assert.Equal(name, SnakeCase(type));

    [Fact]
    public void Every_error_code_has_a_status_and_a_line_in_the_documentation_and_those_of_modules_are_used()
    {
        var settings = new ConfigurationBuilder().Build();
        using var modules = new ServiceCollection()
            .AddUploads(settings, work: false)
            .AddAlbums(settings, work: false)
            .AddAssets(settings, work: false)
            .AddWebhooks(settings)
            .AddWeddings(settings)
            .AddErrors()
            .BuildServiceProvider();
        var statuses = modules.GetRequiredService<ErrorCodes>().Statuses;
        var used = Sources.All().SelectMany(file => RefusedCodes().Matches(file.Text)).Select(match => match.Groups[1].Value).ToHashSet();
        var documented = DocumentedCodes().Matches(Sources.Read("docs/http-api.md"))
            .Select(match => $"{match.Groups[1].Value} {match.Groups[2].Value}");
        Assert.Contains("UPLOAD_NOT_FOUND", used);
        Assert.Empty(used.Except(statuses.Keys));
        var named = Sources.All().SelectMany(file => NamedCodes().Matches(file.Text)).Select(match => match.Groups[1].Value);
        Assert.Empty(modules.GetServices<ErrorCode>().Select(code => code.Code).Except(named));
        Assert.Equal(statuses.Select(code => $"{code.Key} {code.Value}").Order(), documented.Order());
    }

    /// <summary>Marten 9: an underscore where a word begins; a run of capitals or digits is one word.</summary>
    private static string SnakeCase(string type) => WordStarts().Replace(type, "_").ToLowerInvariant();

    [GeneratedRegex("(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])")]
    private static partial Regex WordStarts();

    [GeneratedRegex("""\.Map<(\w+)>\("(\w+)"\)""")]
    private static partial Regex EventMaps();

    // A code goes before its sentence. An album's failure is no refusal: it is an event.
    [GeneratedRegex("""(?<!AlbumFailed\()"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)",\s*[$"]""")]
    private static partial Regex RefusedCodes();

    // Anywhere but in the wiring, where its status follows it.
    [GeneratedRegex("""
        "([A-Z][A-Z0-9_]+)"(?!, \d)
        """)]
    private static partial Regex NamedCodes();

    [GeneratedRegex(@"^\| `([A-Z_0-9]+)` \| (\d{3}) \|", RegexOptions.Multiline)]
    private static partial Regex DocumentedCodes();
}
