using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Localization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Platform.Languages;
using Portal.Components;
using Xunit;

namespace Portal.Tests;

public sealed class SettingTextTests
{
    private const string Size = """{"type":["string","integer"]}""";
    private const string SizeOrNone = """{"type":["string","integer","null"]}""";
    private const string Price = """{"type":["string","number"]}""";
    private const string ListOrNone = """{"type":["array","null"],"items":{"type":"string"}}""";
    private const string Percents = """{"type":"array","items":{"type":["string","integer"]}}""";
    private const string Sizes = """{"type":"object","additionalProperties":{"type":["string","integer"]}}""";

    private static readonly StringLocalizer<Texts> English =
        new(new ResourceManagerStringLocalizerFactory(Options.Create(new LocalizationOptions()), NullLoggerFactory.Instance));

    [Theory]
    [InlineData("maxSizeBytes", Size, "10 GiB", "10737418240")]
    [InlineData("maxSizeBytes", Size, "100 MB", "100000000")]
    [InlineData("maxSizeBytes", Size, "7 B", "7")]
    [InlineData("quotaPerWeddingBytes", SizeOrNone, "", "null")]
    [InlineData("gbMonthUsd", Price, "0.015", "0.015")]
    [InlineData("maxOpenUploads", Size, "1000", "1000")]
    [InlineData("contentTypes", ListOrNone, "image/jpeg, video/mp4", """["image/jpeg","video/mp4"]""")]
    [InlineData("contentTypes", ListOrNone, "", "null")]
    [InlineData("budgetAlertPercents", Percents, "80, 100", "[80,100]")]
    [InlineData("userQuotasBytes", Sizes, "ann = 5 GB, bob = 1 GiB", """{"ann":5000000000,"bob":1073741824}""")]
    [InlineData("userQuotasBytes", Sizes, "", "{}")]
    [InlineData("lifetime", """{"type":"string"}""", "6.00:00:00", "\"6.00:00:00\"")]
    public void A_value_is_shown_as_it_is_typed(string member, string schema, string text, string json)
    {
        var value = JsonNode.Parse(json);
        Assert.Equal(text, SettingText.Format(member, value));
        Assert.True(JsonNode.DeepEquals(value, SettingText.Parse(member, JsonNode.Parse(schema)!, text)));
    }

    [Theory]
    [InlineData("maxSizeBytes", Size, " 1.5 gb ", "1500000000")]
    [InlineData("maxSizeBytes", Size, "5", "5")]
    [InlineData("gbMonthUsd", Price, "$ 0.02", "0.02")]
    [InlineData("budgetAlertPercents", Percents, "80 %,\n100 %", "[80,100]")]
    [InlineData("maxSizeBytes", Size, "5 apples", "\"5 apples\"")]
    [InlineData("maxSizeBytes", Size, "1.2.3", "\"1.2.3\"")]
    [InlineData("maxOpenUploads", Size, "5 GB", "\"5 GB\"")]
    public void What_people_type_beside_is_understood_or_kept_to_be_refused(string member, string schema, string text, string json) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(json), SettingText.Parse(member, JsonNode.Parse(schema)!, text)));

    [Fact]
    public void A_change_names_what_was_and_what_is()
    {
        var before = JsonElement.Parse("""{"current":"R2","monthlyBudgetUsd":null,"sheets":[{"name":"R2","gbMonthUsd":0.015},{"name":"Old","gbMonthUsd":1}]}""");
        var now = JsonElement.Parse("""{"current":"R2","monthlyBudgetUsd":40,"sheets":[{"name":"R2","gbMonthUsd":0.02}]}""");
        Assert.Equal(
            ["Budget of a month: none → 40", "Price sheets R2, A GB kept for a month: 0.015 → 0.02", "Price sheets Old, Name: gone", "Price sheets Old, A GB kept for a month: gone"],
            SettingChanges.Between(English, now, before));
    }
}
