using Platform.Events;
using Xunit;

namespace Platform.Tests.Events;

public sealed class EventTypesTests
{
    [Theory]
    [InlineData(typeof(FruitAdded), "fruit_added")]
    [InlineData(typeof(S3ObjectPut), "s3_object_put")]
    [InlineData(typeof(MP4Encoded), "mp4_encoded")]
    [InlineData(typeof(FileZIP), "file_zip")]
    public void Stored_names_follow_Martens_rule(Type type, string expected) => Assert.Equal(expected, EventTypes.AliasOf(type));

    [Fact]
    public void A_name_that_Marten_would_not_find_is_refused()
    {
        var refusal = Assert.Throws<ArgumentException>(() => new EventTypes().Map<FileZIP>("file_z_i_p"));

        Assert.StartsWith("Marten stores FileZIP as file_zip, not as file_z_i_p.", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_is_used_once() =>
        Assert.Throws<ArgumentException>(() => new EventTypes().Map<FruitAdded>("fruit_added").Map<Elsewhere.FruitAdded>("fruit_added"));

    private sealed record S3ObjectPut;

    private sealed record MP4Encoded;

    private sealed record FileZIP;

    private static class Elsewhere
    {
        internal sealed record FruitAdded;
    }
}
